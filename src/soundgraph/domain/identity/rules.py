"""What an address, a password and a whole registration must be."""

import re
import unicodedata

from soundgraph.domain.errors import FieldError, Invalid
from soundgraph.domain.identity.handles import HANDLE, RESERVED_SKELETONS, UUID_LIKE, skeleton
from soundgraph.domain.texts import conceals

# RFC 5322, section 3.2.3, and RFC 6531: a dot-atom before the @, labels of hosts after it. Unquoted, nothing else.
_ATOM = r"[^@\s.\x00-\x1f\x7f<>,;:\"()\[\]\\]"
_LABEL = rf"(?!-){_ATOM}{{1,63}}(?<!-)"
EMAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}+(?:\.{_ATOM}+)*@(?:{_LABEL}\.)+(?!.$){_LABEL}")
PASSWORD_LENGTH = range(10, 257)


def normalise_email(email: str) -> str:
    """The form an address is stored and compared in."""
    return unicodedata.normalize("NFC", email.strip().lower())


def email_errors(email: str) -> list[FieldError]:
    """Every rule that a normalised address breaks."""
    if len(email) > 254 or not EMAIL.fullmatch(email) or conceals(email, joiners=""):
        return [FieldError("email", "invalid_email", "This is not an e-mail address.")]
    return []


def password_errors(password: str, *, common: bool, field: str = "password") -> list[FieldError]:
    """Every rule that a new password breaks. `common` says that it is among those that are tried first.

    Length and rarity, and no rule about kinds of characters: NIST SP 800-63B, section 3.1.1.2.
    """
    if len(password) not in PASSWORD_LENGTH:
        return [FieldError(field, "password_length", "Use 10 to 256 characters.")]
    if common:
        return [FieldError(field, "password_common", "This password is among the first that are guessed.")]
    return []


def registration_errors(
    email: str, handle: str, password: str, display_name: str, *, common: bool = False
) -> list[FieldError]:
    """Every rule that a registration breaks. `email` and `handle` are already normalised."""
    errors = email_errors(email)
    if not HANDLE.fullmatch(handle):
        errors.append(FieldError("handle", "invalid_handle", "Use 3 to 30 of a-z, 0-9, _ and -."))
    elif UUID_LIKE.match(handle):
        errors.append(FieldError("handle", "invalid_handle", "A handle must not look like an id."))
    elif skeleton(handle) in RESERVED_SKELETONS:
        errors.append(FieldError("handle", "reserved_handle", "This handle is reserved."))
    errors += password_errors(password, common=common)
    if not 1 <= len(display_name) <= 60:
        errors.append(FieldError("display_name", "length", "Use 1 to 60 characters."))
    elif conceals(display_name):
        errors.append(FieldError("display_name", "invalid_characters", "Use no control or formatting characters."))
    return errors


def require_valid(errors: list[FieldError]) -> None:
    """Raise Invalid naming every broken field, if there is any."""
    if errors:
        raise Invalid.fields(errors)
