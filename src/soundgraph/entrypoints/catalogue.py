"""What the documentation says of each setting, written beside its field and read back from there."""

from dataclasses import dataclass
from typing import get_type_hints

import msgspec


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings. `required` says what to set in production; empty where unset is fine."""

    name: str
    default: str
    meaning: str
    example: str
    required: str


def described(meaning: str, *, example: str, unset: str = "", required: str = "") -> msgspec.Meta:
    """Metadata of a field. `unset` stands for a default that is worked out; `required` is what production needs."""
    return msgspec.Meta(description=meaning, examples=[example], extra={"unset": unset, "required": required})


def catalogue(settings: type[msgspec.Struct], prefix: str) -> list[Setting]:
    """Every setting in the order of its fields. A field that nobody described has an empty meaning."""
    hints = get_type_hints(settings, include_extras=True)
    return [_setting(field, _meta(hints[field.name]), prefix) for field in msgspec.structs.fields(settings)]


def _meta(hint: object) -> msgspec.Meta:
    found = (one for one in getattr(hint, "__metadata__", ()) if isinstance(one, msgspec.Meta))
    return next(found, msgspec.Meta())


def _setting(field: msgspec.structs.FieldInfo, meta: msgspec.Meta, prefix: str) -> Setting:
    extra, examples = meta.extra or {}, meta.examples or [""]
    default = "" if field.default in (None, msgspec.NODEFAULT) else str(field.default)
    return Setting(
        name=prefix + field.name.upper(),
        default=default or extra.get("unset", ""),
        meaning=meta.description or "",
        example=examples[0],
        required=extra.get("required", ""),
    )
