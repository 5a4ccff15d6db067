"""Handles: which are allowed, and which look too much like another."""

import re

HANDLE = re.compile(r"[a-z0-9_-]{3,30}")
UUID_LIKE = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?")

# Root paths of the web pages and names that would speak for the service.
RESERVED_HANDLES = frozenset(
    [
        "about",
        "abuse",
        "account",
        "accounts",
        "admin",
        "administrator",
        "admins",
        "api",
        "app",
        "assets",
        "auth",
        "billing",
        "blog",
        "charts",
        "confirm-email",
        "discover",
        "docs",
        "download",
        "embed",
        "exports",
        "feed",
        "health",
        "help",
        "home",
        "hostmaster",
        "inbox",
        "info",
        "jobs",
        "legal",
        "login",
        "logout",
        "mail",
        "me",
        "media",
        "messages",
        "metrics",
        "moderation",
        "moderator",
        "moderators",
        "no-reply",
        "noreply",
        "notifications",
        "null",
        "oauth",
        "oembed",
        "official",
        "openapi",
        "plans",
        "playlists",
        "postmaster",
        "press",
        "privacy",
        "register",
        "reset-password",
        "resolve",
        "root",
        "search",
        "security",
        "sets",
        "settings",
        "signin",
        "signup",
        "soundgraph",
        "staff",
        "static",
        "status",
        "stream",
        "support",
        "system",
        "terms",
        "tracks",
        "trending",
        "tus",
        "undefined",
        "upload",
        "uploads",
        "users",
        "verify-email",
        "webhooks",
        "webmaster",
        "welcome",
        "well-known",
        "www",
        "you",
    ]
)
LOOKALIKES = str.maketrans(
    {"q": "g", "0": "o", "1": "l", "i": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "_": "", "-": ""}
)


def skeleton(handle: str) -> str:
    """What a handle looks like at a glance. Two handles with one skeleton are lookalikes."""
    return handle.translate(LOOKALIKES).replace("rn", "m").replace("vv", "w")


RESERVED_SKELETONS = frozenset(skeleton(name) for name in RESERVED_HANDLES)


# What one cannot tell apart at a glance in most typefaces, once a handle is in lower case.
TWINS = str.maketrans({"0": "o", "1": "l", "_": "-"})


def likeness(handle: str) -> str:
    """What a handle looks like among others. Of all handles with one likeness there is only one.

    It knows fewer lookalikes than `skeleton`: ali and all are two people, but neither may pass for a page of ours.
    """
    return handle.translate(TWINS).replace("rn", "m").replace("vv", "w")
