"""What a creator says about a track, and its permalink."""

import re
import unicodedata
from dataclasses import dataclass

from soundgraph.domain.errors import FieldError
from soundgraph.domain.visibility import Audience

MAX_TAGS = 30
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackDetails:
    """What a creator says about a track. `errors` lists every rule it breaks."""

    title: str
    description: str = ""
    genre: str = ""
    tags: tuple[str, ...] = ()
    license: str = "all-rights-reserved"
    audience: Audience = Audience.PUBLIC
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
        if len(self.genre) > 60:
            found.append(FieldError("genre", "length", "Use at most 60 characters."))
        if len(self.tags) > MAX_TAGS or any(not 1 <= len(tag) <= 60 for tag in self.tags):
            found.append(FieldError("tags", "length", f"Use at most {MAX_TAGS} tags of 1 to 60 characters."))
        if self.license not in LICENSES:
            found.append(FieldError("license", "unknown_license", f"Use one of: {', '.join(sorted(LICENSES))}."))
        return found


def slugify(title: str) -> str:
    """The last part of a permalink: lower-case ASCII words joined by hyphens, at most 60 characters, never empty."""
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded)[:60].strip("-") or "track"


def permalink_errors(permalink: str | None) -> list[FieldError]:
    """What is wrong with a permalink that a creator chose; None means that they chose none."""
    if permalink is None or PERMALINK.fullmatch(permalink):
        return []
    return [FieldError("permalink", "invalid_permalink", "Use 1 to 60 of a-z, 0-9 and -, not - first.")]
