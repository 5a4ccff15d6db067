"""Secrets: an Ed25519 key that signs tokens and one application secret from which every other key is derived.

In development they are made once, into the data directory. In production they must already be there: several hosts that
each made their own would refuse each other's tokens.
"""

import base64
import hashlib
import hmac
import os
import secrets as random
from contextlib import suppress
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from soundgraph.entrypoints.settings import Settings, StartupError

APPLICATION_SECRET_BYTES = 32
# Random bytes have some thirty different ones among 32, their hexadecimal form fourteen; a typed word has fewer.
FEWEST_DIFFERENT_BYTES = 11
SIGNING_KEY = "signing.pem"
DATED_KEYS = "signing-*.pem"
APPLICATION_SECRET = "application.key"  # noqa: S105 - a file name


class SecretsError(StartupError):
    """The secrets are missing, readable by others, or not what they should be. The message says what to do."""


class Secrets(msgspec.Struct, frozen=True):
    """What only this deployment knows. `kid` names the signing key in tokens and in the published key set."""

    signing_key_pem: bytes
    kid: str
    application: bytes

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose ("cursors", "media-urls", …); none reveals another (HKDF-Expand, RFC 5869)."""
        return hmac.new(self.application, b"soundgraph:" + purpose.encode() + b"\x01", hashlib.sha256).digest()

    def __repr__(self) -> str:
        # A secret that reaches a log through a repr is not one any more.
        return f"Secrets(kid={self.kid!r})"


def load_secrets(settings: Settings) -> Secrets:
    """The secrets of this deployment, made on first use in development.

    Raises SecretsError when they are missing in production, readable by others, or damaged.
    """
    if not settings.production and not all(path.exists() for path in _paths(settings)):
        return create_secrets(settings)
    return _read(settings)


def secret_problems(settings: Settings) -> list[str]:
    """Every reason why the secrets of this deployment cannot be used, each with what to do about it."""
    missing = [path for path in _paths(settings) if not path.exists()]
    names = " and ".join(str(path) for path in missing)
    problems = [f"{names} missing: run `soundgraph keys` once and copy {settings.keys_dir} to every host."]
    problems = problems if missing else []
    present = [path for path in (*_paths(settings), *dated_keys(settings)) if path not in missing]
    problems += [_readable(path) for path in present if path.stat().st_mode & 0o077]
    signing, application = _paths(settings)
    for key in (signing, *dated_keys(settings)):
        if key not in missing:
            problems += signing_problems(key)
    if application not in missing:
        problems += _application_problems(application)
    return problems


def create_secrets(settings: Settings) -> Secrets:
    """Make what is missing and keep what is there; of several processes doing so at once, all get the same secrets."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.keys_dir.mkdir(mode=0o700, exist_ok=True)
    signing, application = _paths(settings)
    write_once(signing, new_signing_key())
    write_once(application, random.token_bytes(APPLICATION_SECRET_BYTES))
    return _read(settings)


def thumbprint(public_key: bytes) -> str:
    """The `kid` of a raw Ed25519 public key: its JWK thumbprint (RFC 7638, members as in RFC 8037), SHA-256."""
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64url(public_key)}"}}'
    return _base64url(hashlib.sha256(jwk.encode()).digest())


def dated_keys(settings: Settings) -> list[Path]:
    """The signing keys of a rotation, oldest first; their names say from when they sign."""
    return sorted(settings.keys_dir.glob(DATED_KEYS))


def _paths(settings: Settings) -> tuple[Path, Path]:
    return settings.keys_dir / SIGNING_KEY, settings.keys_dir / APPLICATION_SECRET


def _read(settings: Settings) -> Secrets:
    problems = secret_problems(settings)
    if problems:
        raise SecretsError("\n".join(problems))
    signing, application = (path.read_bytes() for path in _paths(settings))
    return Secrets(signing_key_pem=signing, kid=kid_of(signing), application=application)


def kid_of(pem: bytes) -> str:
    """The name of an Ed25519 key. Raises ValueError or TypeError for what is none."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not an Ed25519 key")  # noqa: TRY004 - PEM is bytes, whatever key is in it
    return thumbprint(key.public_key().public_bytes_raw())


def _readable(path: Path) -> str:
    return f"{path} can be read by others: run `chmod 600 {path}`, and replace it if it may have been."


def signing_problems(path: Path) -> list[str]:
    """Every reason why a file cannot be a signing key."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        # TypeError is how the library says that the key needs a password.
        return [f"{path} is not a private key in PEM without a password: {error}"]
    return [] if isinstance(key, Ed25519PrivateKey) else [f"{path} is not an Ed25519 key."]


def _application_problems(path: Path) -> list[str]:
    secret = path.read_bytes()
    if len(secret) < APPLICATION_SECRET_BYTES:
        return [f"{path} is shorter than {APPLICATION_SECRET_BYTES} bytes: remove it and run `soundgraph keys`."]
    if len(set(secret)) < FEWEST_DIFFERENT_BYTES:
        return [f"{path} repeats itself and can be guessed: remove it and run `soundgraph keys`."]
    return []


def new_signing_key() -> bytes:
    """A fresh Ed25519 key in PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_once(path: Path, content: bytes) -> None:
    """Write a private file unless it is there.

    Linking a complete file into place is what makes half-written or twice-made secrets impossible.
    """
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.{random.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Another process was first: its secret is the one that counts.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
