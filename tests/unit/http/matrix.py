"""The matrix of who may do what: what everybody gets from every operation. `test_authorization` asks for all of it.

The things asked for are somebody's, all private or all public. A status below 400 lets in; so does one that is about
the request, which comes without a body where none says who is let in: 400, 409, 412, 415, 422.
"""

from dataclasses import dataclass
from typing import TypeAlias

from tests.unit.http.conftest import API

Operation: TypeAlias = tuple[str, str]
AUDIENCES = ("private", "public")
# Blocked by the owner; blocking the owner. The suspended one is the owner, meanwhile.
VIEWERS = ("anonymous", "other", "blocked", "blocking", "moderator", "admin", "owner", "suspended")


@dataclass(frozen=True)
class Row:
    """The status for each viewer, where the thing is private and where it is public."""

    private: dict[str, int]
    public: dict[str, int]

    def of(self, audience: str) -> dict[str, int]:
        """What they get of things that are for this audience."""
        return self.private if audience == "private" else self.public


def open_to_all(status: int) -> Row:
    """No session is looked at."""
    same = dict.fromkeys(VIEWERS, status)
    return Row(same, same)


def public(status: int) -> Row:
    """Nobody's in particular."""
    return but(open_to_all(status), suspended=403)


def members(status: int) -> Row:
    """About whoever asks."""
    return but(public(status), anonymous=401)


def of_owner(status: int) -> Row:
    """For the owner alone: to others it does not exist, though they see the thing, or see everything."""
    return but(members(404), owner=status)


def of_person(status: int) -> Row:
    """People are public, but where one blocks the other."""
    return but(public(status), blocked=404, blocking=404)


def of_thing(status: int) -> Row:
    """For all who see the thing."""
    seen = of_person(status)
    return Row(seen.private | {"anonymous": 404, "other": 404}, seen.public)


def but(row: Row, **others: int) -> Row:
    """The same, with exceptions."""
    return Row(row.private | others, row.public | others)


BELOW_API = {
    ("GET", "/.well-known/jwks.json"): open_to_all(200),
    ("PUT", "/admin/users/{user_id}/role"): but(members(403), admin=204),
    ("POST", "/auth/confirm-email"): open_to_all(400),
    ("POST", "/auth/login"): open_to_all(400),
    ("POST", "/auth/logout"): open_to_all(204),
    ("POST", "/auth/logout-all"): members(204),
    ("POST", "/auth/oauth/complete"): open_to_all(400),
    ("GET", "/auth/oauth/{provider}"): open_to_all(302),
    ("GET", "/auth/oauth/{provider}/callback"): open_to_all(410),
    ("POST", "/auth/password/change"): members(400),
    ("POST", "/auth/password/forgot"): open_to_all(400),
    ("POST", "/auth/password/reset"): open_to_all(400),
    ("POST", "/auth/refresh"): open_to_all(401),  # no refresh token
    ("POST", "/auth/register"): open_to_all(400),
    ("POST", "/auth/restore"): open_to_all(400),
    ("GET", "/auth/sessions"): members(200),
    ("DELETE", "/auth/sessions/{session_id}"): of_owner(204),
    ("POST", "/auth/verify-email"): open_to_all(400),
    ("POST", "/auth/verify-email/resend"): open_to_all(400),
    ("DELETE", "/me"): members(401),  # no password
    ("GET", "/me"): members(200),
    ("PATCH", "/me"): members(400),
    ("GET", "/me/blocks"): members(200),
    ("DELETE", "/me/blocks/{user_id}"): members(204),
    ("PUT", "/me/blocks/{user_id}"): but(members(204), owner=422),  # not oneself
    ("POST", "/me/email"): members(400),
    ("GET", "/me/entitlements"): members(200),
    ("GET", "/me/export"): members(404),  # none was asked for
    ("POST", "/me/export"): members(202),
    ("GET", "/me/feed"): members(200),
    ("DELETE", "/me/followings/{user_id}"): members(204),  # whom one does not follow, one does not follow
    ("PUT", "/me/followings/{user_id}"): but(of_person(204), anonymous=401, owner=422),
    ("DELETE", "/me/history"): members(204),
    ("GET", "/me/history"): members(200),
    ("DELETE", "/me/identities/{provider}"): members(204),  # one's own
    ("POST", "/me/identities/{provider}"): members(200),
    ("DELETE", "/me/likes/tracks/{track_id}"): members(204),  # one's own, which says nothing of the track
    ("PUT", "/me/likes/tracks/{track_id}"): but(of_thing(204), anonymous=401),
    ("PATCH", "/me/profile"): members(400),
    ("GET", "/me/tracks"): members(200),
    ("GET", "/me/tracks/{track_id}/plays"): of_owner(200),
    ("GET", "/me/usage"): members(200),
    ("GET", "/plans"): public(200),
    ("POST", "/playlists"): members(400),
    ("DELETE", "/playlists/{playlist_id}"): of_owner(204),
    ("GET", "/playlists/{playlist_id}"): of_thing(200),
    ("PATCH", "/playlists/{playlist_id}"): of_owner(200),
    ("POST", "/playlists/{playlist_id}/reorder"): of_owner(200),
    ("GET", "/playlists/{playlist_id}/secret-links"): of_owner(200),
    ("POST", "/playlists/{playlist_id}/secret-links"): of_owner(201),
    ("DELETE", "/playlists/{playlist_id}/secret-links/{link_id}"): of_owner(204),
    ("GET", "/playlists/{playlist_id}/tracks"): of_thing(200),
    ("POST", "/playlists/{playlist_id}/tracks"): of_owner(409),  # it is in there
    ("PUT", "/playlists/{playlist_id}/tracks"): of_owner(200),
    ("DELETE", "/playlists/{playlist_id}/tracks/{item_id}"): of_owner(204),
    ("POST", "/tracks"): members(415),
    ("DELETE", "/tracks/{track_id}"): of_owner(204),
    ("GET", "/tracks/{track_id}"): of_thing(200),
    ("PATCH", "/tracks/{track_id}"): of_owner(200),
    ("DELETE", "/tracks/{track_id}/artwork"): of_owner(204),
    ("GET", "/tracks/{track_id}/artwork"): of_thing(200),
    ("PUT", "/tracks/{track_id}/artwork"): of_owner(200),
    ("PUT", "/tracks/{track_id}/audio"): of_owner(202),
    ("GET", "/tracks/{track_id}/download"): but(of_thing(403), owner=302),  # nobody else is let download it
    ("GET", "/tracks/{track_id}/hls.m3u8"): of_thing(200),
    ("GET", "/tracks/{track_id}/likers"): of_thing(200),
    ("POST", "/tracks/{track_id}/plays"): of_thing(204),
    ("POST", "/tracks/{track_id}/retry"): of_owner(409),  # nothing failed
    ("GET", "/tracks/{track_id}/revisions"): of_owner(200),
    ("POST", "/tracks/{track_id}/revisions/{revision}/restore"): of_owner(200),
    ("GET", "/tracks/{track_id}/secret-links"): of_owner(200),
    ("POST", "/tracks/{track_id}/secret-links"): of_owner(201),
    ("DELETE", "/tracks/{track_id}/secret-links/{link_id}"): of_owner(204),
    ("GET", "/tracks/{track_id}/stream"): of_thing(302),
    ("GET", "/tracks/{track_id}/streams"): of_thing(200),
    ("GET", "/tracks/{track_id}/waveform"): of_thing(200),
    ("GET", "/tracks/{track_id}/waveform.dat"): of_thing(200),
    ("OPTIONS", "/uploads"): open_to_all(204),
    ("POST", "/uploads"): members(412),
    ("POST", "/uploads/direct"): members(201),
    ("POST", "/uploads/preflight"): members(400),
    ("DELETE", "/uploads/{upload_id}"): of_owner(204),
    ("GET", "/uploads/{upload_id}"): of_owner(200),
    ("PATCH", "/uploads/{upload_id}"): of_owner(204),
    ("POST", "/uploads/{upload_id}"): of_owner(204),
    ("GET", "/users/{id_or_handle}"): of_person(200),
    ("GET", "/users/{id_or_handle}/followers"): of_person(200),
    ("GET", "/users/{id_or_handle}/followings"): of_person(200),
    ("GET", "/users/{id_or_handle}/likes"): of_person(200),
    ("GET", "/users/{id_or_handle}/playlists"): of_person(200),
    ("GET", "/users/{id_or_handle}/tracks"): of_person(200),
}
ELSEWHERE = {
    ("GET", "/"): public(200),
    ("GET", "/{handle}/{permalink}"): of_thing(200),
    ("GET", "/.well-known/jwks.json"): open_to_all(200),
    ("GET", "/account/export"): members(404),  # none was asked for
    ("GET", "/assets/pages.css"): open_to_all(200),
    ("GET", "/assets/{digest}/{name}"): open_to_all(200),
    # What pages of links in mails do is up to the token; they come without.
    **{
        ("GET", f"/{page}"): open_to_all(400) for page in ("confirm-email", "reset-password", "verify-email", "welcome")
    },
    **{
        ("POST", f"/{page}"): open_to_all(415)
        for page in ("confirm-email", "reset-password", "verify-email", "welcome")
    },
    ("GET", "/docs"): open_to_all(200),
    ("GET", "/docs/assets/{name}"): open_to_all(404),
    # What litestar adds by itself is closed.
    ("GET", "/docs/schema"): open_to_all(404),
    ("GET", "/docs/schema/{path}"): open_to_all(404),
    **{("GET", f"/docs/schema/openapi.{kind}"): open_to_all(404) for kind in ("json", "yaml", "yml")},
    **{
        ("GET", f"/docs/schema/{page}"): open_to_all(404)
        for page in ("elements", "oauth2-redirect.html", "rapidoc", "redoc", "swagger")
    },
    ("GET", "/health/live"): open_to_all(200),
    ("GET", "/health/ready"): open_to_all(200),
    ("GET", "/openapi.json"): open_to_all(200),
    # The store is somewhere else. Where it is ours, see `test_media_open_to_whoever_has_a_signed_address`.
    ("POST", "/media"): open_to_all(404),
    ("GET", "/media/{key}"): open_to_all(404),
    ("HEAD", "/media/{key}"): open_to_all(404),
    ("PUT", "/media/{key}"): open_to_all(404),
}
MATRIX: dict[Operation, Row] = {(method, API + path): row for (method, path), row in BELOW_API.items()} | ELSEWHERE
