"""What a creator says about a track, and its permalink."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from soundgraph.domain.errors import FieldError
from soundgraph.domain.visibility import Audience

MAX_TAGS = 30
MAX_GENRE = 60
SCHEDULING_HORIZON = timedelta(days=366)
PERMALINK = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")

LICENSES = frozenset(
    [
        "all-rights-reserved",
        "no-rights-reserved",
        "cc-by",
        "cc-by-nc",
        "cc-by-nd",
        "cc-by-sa",
        "cc-by-nc-nd",
        "cc-by-nc-sa",
    ]
)


class StreamPolicy(StrEnum):
    """What others may hear of a track that they can see. Its owner and moderators hear all of it."""

    ALLOW = "allow"
    SNIP = "snip"
    """A preview, unless their plan brings full playback."""
    BLOCK = "block"
    """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackDetails:
    """What a creator says about a track. `errors` lists every rule it breaks, but for those of its schedule."""

    title: str
    description: str = ""
    genre: str = ""
    tags: tuple[str, ...] = ()
    license: str = "all-rights-reserved"
    audience: Audience = Audience.PUBLIC
    publish_at: datetime | None = None
    policy: StreamPolicy = StreamPolicy.ALLOW
    downloadable: bool = False
    comments_enabled: bool = True
    embeddable: bool = True

    def errors(self) -> list[FieldError]:
        """Every broken rule, by the field's name in the API."""
        found = []
        if not 1 <= len(self.title) <= 200:
            found.append(FieldError("title", "length", "Use 1 to 200 characters."))
        if len(self.description) > 5_000:
            found.append(FieldError("description", "length", "Use at most 5,000 characters."))
        if len(self.genre) > MAX_GENRE:
            found.append(FieldError("genre", "length", "Use at most 60 characters."))
        if len(self.tags) > MAX_TAGS or any(not 1 <= len(tag) <= 60 for tag in self.tags):
            found.append(FieldError("tags", "length", f"Use at most {MAX_TAGS} tags of 1 to 60 characters."))
        if self.license not in LICENSES:
            found.append(FieldError("license", "unknown_license", f"Use one of: {', '.join(sorted(LICENSES))}."))
        return found

    def filled(self, tags: Mapping[str, str]) -> Self:
        """The same, with genre and description from the tags of the file where the creator said nothing."""
        return replace(
            self,
            genre=self.genre or tags.get("genre", "")[:MAX_GENRE],
            description=self.description or tags.get("comment", ""),
        )

    def reschedules(self, before: "TrackDetails | None") -> bool:
        """Whether it is to be published at a moment that was not the plan before."""
        planned = None if before is None else (before.audience, before.publish_at)
        return self.audience is Audience.SCHEDULED and planned != (self.audience, self.publish_at)

    def schedule_errors(self, before: "TrackDetails | None" = None, *, at: datetime) -> list[FieldError]:
        """Every broken rule of its schedule. A moment that was planned before may have come meanwhile."""
        if self.audience is not Audience.SCHEDULED:
            wrong = self.publish_at is not None
            return [FieldError("publish_at", "not_scheduled", "Only what is scheduled has it.")] if wrong else []
        if self.publish_at is None:
            return [FieldError("publish_at", "required", "Say when it is to be published.")]
        if self.reschedules(before) and not at < self.publish_at <= at + SCHEDULING_HORIZON:
            return [FieldError("publish_at", "out_of_range", "Use a moment in the future, at most a year ahead.")]
        return []

    def in_utc(self) -> "TrackDetails":
        """The same, for storing. Only without errors: not every moment can be told in UTC."""
        return self if self.publish_at is None else replace(self, publish_at=self.publish_at.astimezone(UTC))


def slugify(title: str) -> str:
    """The last part of a permalink: lower-case ASCII words joined by hyphens, at most 60 characters, never empty."""
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded)[:60].strip("-") or "track"


def permalink_errors(permalink: str | None) -> list[FieldError]:
    """What is wrong with a permalink that a creator chose; None means that they chose none."""
    if permalink is None or PERMALINK.fullmatch(permalink):
        return []
    return [FieldError("permalink", "invalid_permalink", "Use 1 to 60 of a-z, 0-9 and -, not - first.")]
