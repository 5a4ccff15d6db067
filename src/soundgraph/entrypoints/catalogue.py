"""What the documentation says of each setting, written beside its field and read back from there."""

from collections.abc import Iterator, Mapping
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


def described(
    meaning: str, *, example: str, unset: str = "", required: str = "", variables: Mapping[str, str] | None = None
) -> msgspec.Meta:
    """Metadata of a field. `unset` stands for a default that is worked out; `required` is what production needs.

    `variables` are the examples of a field that is read from several, by their names.
    """
    extra = {"unset": unset, "required": required, "variables": variables}
    return msgspec.Meta(description=meaning, examples=[example], extra=extra)


def catalogue(settings: type[msgspec.Struct], prefix: str) -> list[Setting]:
    """Every setting in the order of its fields. A field that nobody described has an empty meaning."""
    hints = get_type_hints(settings, include_extras=True)
    fields = msgspec.structs.fields(settings)
    return [one for field in fields for one in _settings(field, _meta(hints[field.name]), prefix)]


def _meta(hint: object) -> msgspec.Meta:
    found = (one for one in getattr(hint, "__metadata__", ()) if isinstance(one, msgspec.Meta))
    return next(found, msgspec.Meta())


def _settings(field: msgspec.structs.FieldInfo, meta: msgspec.Meta, prefix: str) -> Iterator[Setting]:
    extra, examples = meta.extra or {}, meta.examples or [""]
    default = "" if field.default in (None, (), msgspec.NODEFAULT) else str(field.default)
    for name, example in (extra.get("variables") or {field.name.upper(): examples[0]}).items():
        yield Setting(
            name=prefix + name,
            default=default or extra.get("unset", ""),
            meaning=meta.description or "",
            example=example,
            required=extra.get("required", ""),
        )
