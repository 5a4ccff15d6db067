"""Secrets: made once, private, the same for every process, and refused when they are not what they should be."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from soundgraph.entrypoints.secrets import SecretsError, create_secrets, load_secrets, secret_problems, thumbprint
from soundgraph.entrypoints.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", public_url="http://localhost")


@pytest.fixture
def production(settings: Settings) -> Settings:
    return Settings(home=settings.home, public_url="https://sound.example", env="production")


def test_secrets_are_made_once(settings: Settings) -> None:
    first = load_secrets(settings)
    assert load_secrets(settings) == first
    assert len(first.application) == 32


def test_secrets_are_private(settings: Settings) -> None:
    load_secrets(settings)
    assert stat.S_IMODE(settings.keys_dir.stat().st_mode) == 0o700
    files = list(settings.keys_dir.iterdir())
    assert sorted(file.name for file in files) == ["application.key", "signing.pem"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_of_many_makers_all_get_the_same(settings: Settings) -> None:
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(create_secrets, [settings] * 20))
    assert len({secrets.application for secrets in made}) == 1
    assert len({secrets.kid for secrets in made}) == 1
    assert len(list(settings.keys_dir.iterdir())) == 2


def test_a_half_made_pair_is_completed(settings: Settings) -> None:
    first = load_secrets(settings)
    (settings.keys_dir / "application.key").unlink()
    second = load_secrets(settings)
    assert second.kid == first.kid
    assert second.application != first.application


def test_the_key_signs_tokens(settings: Settings) -> None:
    secrets = load_secrets(settings)
    public = load_pem_private_key(secrets.signing_key_pem, password=None).public_key()
    token = jwt.encode({"sub": "1"}, secrets.signing_key_pem.decode(), algorithm="EdDSA")
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert jwt.decode(token, pem.decode(), algorithms=["EdDSA"]) == {"sub": "1"}


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    # Appendix A.3.
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_each_purpose_has_a_key_of_its_own(settings: Settings) -> None:
    secrets = load_secrets(settings)
    keys = {secrets.derive(purpose) for purpose in ("cursors", "media-urls", "mail-tokens", "refresh-tokens")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert secrets.application not in keys
    assert secrets.derive("cursors") == load_secrets(settings).derive("cursors")


def test_a_repr_reveals_nothing(settings: Settings) -> None:
    secrets = load_secrets(settings)
    assert repr(secrets) == f"Secrets(kid={secrets.kid!r})"


def test_production_makes_none_and_names_what_is_missing(settings: Settings, production: Settings) -> None:
    with pytest.raises(SecretsError, match=r"signing\.pem and .*application\.key missing: run `soundgraph keys`"):
        load_secrets(production)
    made = create_secrets(production)
    assert load_secrets(production) == made


def test_secrets_that_others_can_read_are_refused(settings: Settings) -> None:
    load_secrets(settings)
    (settings.keys_dir / "application.key").chmod(0o644)
    with pytest.raises(SecretsError, match="chmod 600"):
        load_secrets(settings)


def test_a_short_secret_is_refused(settings: Settings) -> None:
    load_secrets(settings)
    (settings.keys_dir / "application.key").write_bytes(b"secret")
    with pytest.raises(SecretsError, match="shorter than 32 bytes"):
        load_secrets(settings)


def test_a_damaged_key_is_refused(settings: Settings) -> None:
    load_secrets(settings)
    (settings.keys_dir / "signing.pem").write_bytes(b"-----BEGIN")
    with pytest.raises(SecretsError, match="not a private key in PEM"):
        load_secrets(settings)


def test_a_key_of_another_kind_is_refused(settings: Settings) -> None:
    load_secrets(settings)
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (settings.keys_dir / "signing.pem").write_bytes(pem)
    with pytest.raises(SecretsError, match="not an Ed25519 key"):
        load_secrets(settings)


@pytest.mark.parametrize("guessable", [b"changeme" * 4, b"\0" * 32, b"soundgraph" * 4])
def test_a_secret_that_repeats_itself_is_refused(settings: Settings, guessable: bytes) -> None:
    load_secrets(settings)
    (settings.keys_dir / "application.key").write_bytes(guessable)
    with pytest.raises(SecretsError, match="can be guessed"):
        load_secrets(settings)


def test_a_key_behind_a_password_is_refused(settings: Settings) -> None:
    load_secrets(settings)
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    (settings.keys_dir / "signing.pem").write_bytes(locked)
    with pytest.raises(SecretsError, match="without a password"):
        load_secrets(settings)


def test_every_problem_is_named_at_once(settings: Settings) -> None:
    load_secrets(settings)
    (settings.keys_dir / "signing.pem").write_bytes(b"-----BEGIN")
    (settings.keys_dir / "application.key").write_bytes(b"secret")
    (settings.keys_dir / "application.key").chmod(0o644)
    readable, damaged, short = secret_problems(settings)
    assert "chmod 600" in readable
    assert "not a private key" in damaged
    assert "shorter than 32 bytes" in short
