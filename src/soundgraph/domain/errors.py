"""What can go wrong, in eight categories. Each error carries a stable `code`; only entrypoints know status codes."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FieldError:
    """One broken rule of one input field. `field` is the name the caller sent it under."""

    field: str
    code: str
    message: str


class DomainError(Exception):
    """The base of every refusal. `code` is part of the contract, `message` is for a person and may change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotFound(DomainError):
    """It does not exist, or this viewer may not know that it does."""

    def __init__(self, code: str = "not_found", message: str = "There is nothing here that you may see.") -> None:
        super().__init__(code, message)


class Conflict(DomainError):
    """It collides with what is already there, or with a change made at the same time."""


class Stale(Conflict):
    """The caller named a version that is no longer the present one. `present` is the order of things now."""

    def __init__(self, present: tuple[UUID, ...] = ()) -> None:
        super().__init__("version_mismatch", "This changed since you read it. Read it again, then repeat your change.")
        self.present = present


def refuse_stale(present: int, named: int | None) -> None:
    """Raise Stale where the caller named a version, and that is not the present one."""
    if named is not None and named != present:
        raise Stale


class Invalid(DomainError):
    """Well-formed input that breaks a rule. `errors` lists every broken rule, not only the first."""

    def __init__(self, code: str, message: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(code, message)
        self.errors = errors

    @classmethod
    def fields(cls, errors: list[FieldError]) -> "Invalid":
        """The refusal that names every broken field."""
        return cls("invalid", "Some fields break a rule.", tuple(errors))


class Corrupt(Invalid):
    """The bytes that arrived are not those that were sent."""


class Forbidden(DomainError):
    """Known, but not allowed by role, plan or account state."""


class Unauthenticated(DomainError):
    """No credentials, or credentials that do not hold."""


class LimitReached(DomainError):
    """Too often or too much at once. `retry_after` is in whole seconds."""

    def __init__(self, code: str, message: str, retry_after: int = 1) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A backing service is away. Nothing was changed; `retry_after` is in whole seconds."""

    def __init__(self, code: str, message: str, retry_after: int = 5) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Gone(DomainError):
    """It was there once and is spent or expired."""
