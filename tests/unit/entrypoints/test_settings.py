"""Settings: where they come from, what is refused, and that the refusal says what to do."""

import os
import stat
from pathlib import Path

import pytest

from soundgraph.entrypoints.secrets import secret_problems
from soundgraph.entrypoints.settings import Settings, SettingsError, load_settings, open_home
from soundgraph.entrypoints.wellformed import default_home

PRODUCTION = {
    "SOUNDGRAPH_ENV": "production",
    "SOUNDGRAPH_DATABASE_URL": "postgresql://u:p@db/soundgraph",
    "SOUNDGRAPH_REDIS_URL": "redis://cache:6379/0",
    "SOUNDGRAPH_SMTP_URL": "smtps://u:p@mail",
    "SOUNDGRAPH_S3_BUCKET": "sounds",
    "SOUNDGRAPH_S3_ACCESS_KEY": "key",
    "SOUNDGRAPH_S3_SECRET_KEY": "long and random",
    "SOUNDGRAPH_PUBLIC_URL": "https://sound.example",
}


def load(tmp_path: Path, **values: str) -> Settings:
    environ = {f"SOUNDGRAPH_{name}": value for name, value in values.items()}
    return load_settings({"SOUNDGRAPH_HOME": str(tmp_path), **environ}, tmp_path / ".env")


def problems(tmp_path: Path, environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, tmp_path / ".env")
    return str(caught.value)


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = load_settings({"HOME": str(tmp_path)}, tmp_path / ".env")
    assert settings.home == default_home({"HOME": str(tmp_path)})
    assert (settings.host, settings.port, settings.env) == ("127.0.0.1", 8000, "development")
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.database_url is None
    assert settings.rate_limits == "on"
    assert not settings.production


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SOUNDGRAPH_PORT=9000\nSOUNDGRAPH_LOG_LEVEL=debug\nOTHER=1\n")
    settings = load(tmp_path, PORT="9001")
    assert settings.port == 9001
    assert settings.log_level == "debug"


def test_the_file_is_looked_for_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SOUNDGRAPH_PORT=9000\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings({}).port == 9000


def test_a_dollar_in_the_file_is_a_dollar(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SOUNDGRAPH_DATABASE_URL=postgresql://u:a${HOME}b@db/x\n")
    assert load(tmp_path).database_url == "postgresql://u:a${HOME}b@db/x"


def test_empty_means_unset(tmp_path: Path) -> None:
    assert load(tmp_path, DATABASE_URL="", PORT=" ").database_url is None


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({"SOUNDGRAPH_HOME": "data"}).home == tmp_path / "data"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://localhost:8000"),
        ("::", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("10.0.0.7", "http://10.0.0.7:8000"),
    ],
)
def test_the_public_url_can_be_browsed_to(tmp_path: Path, host: str, url: str) -> None:
    assert load(tmp_path, HOST=host).public_url == url


def test_a_public_url_loses_its_last_slash(tmp_path: Path) -> None:
    assert load(tmp_path, PUBLIC_URL="https://sound.example/").public_url == "https://sound.example"


def test_every_directory_is_below_home(tmp_path: Path) -> None:
    settings = load(tmp_path)
    directories = {
        settings.mail_dir,
        settings.store_dir,
        settings.keys_dir,
        settings.scratch_dir,
        settings.postgres_dir,
        settings.logs_dir,
        settings.run_dir,
    }
    assert len(directories) == 7
    assert {directory.parent for directory in directories} == {tmp_path}


def test_an_unknown_variable_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    message = problems(tmp_path, {"SOUNDGRAPH_DATABSE_URL": "x"})
    assert "SOUNDGRAPH_DATABSE_URL is not a setting. Did you mean SOUNDGRAPH_DATABASE_URL?" in message


def test_variables_of_tests_and_of_the_supervisor_are_not_settings(tmp_path: Path) -> None:
    assert load(tmp_path, TEST_DATABASE_URL="x", SUPERVISED="1").port == 8000


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("PORT", "http", "a number from 1 to 65535"),
        ("PORT", "0", "a number from 1 to 65535"),
        ("PORT", "70000", "a number from 1 to 65535"),
        ("ENV", "prod", "development, production"),
        ("RATE_LIMITS", "none", "on, off"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8,fd00::/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "10.0.0.0/8,fd00::/8"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("DATABASE_URL", "sqlite:///x", "postgresql://"),
        ("DATABASE_URL", "postgresql://h:port/x", "postgresql://"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("SMTP_URL", "mail.example", "smtp://"),
        ("PUBLIC_URL", "sound.example", "http://"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_the_fix(tmp_path: Path, name: str, value: str, fix: str) -> None:
    message = problems(tmp_path, {f"SOUNDGRAPH_{name}": value})
    assert message.startswith(f"SOUNDGRAPH_{name} ")
    assert fix in message


def test_trusted_proxies_are_networks(tmp_path: Path) -> None:
    assert load(tmp_path).proxies == ()
    proxies = load(tmp_path, TRUSTED_PROXIES=" 10.0.0.0/8, fd00::/8,192.0.2.1 ").proxies
    assert [str(one) for one in proxies] == ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]


def test_other_sites_are_listed_by_their_origins(tmp_path: Path) -> None:
    assert load(tmp_path).allowed_origins == ()
    assert load(tmp_path, CORS_ORIGINS="*").allowed_origins == ("*",)
    listed = " https://a.example , http://localhost:5173,http://[::1]:80,"
    assert load(tmp_path, CORS_ORIGINS=listed).allowed_origins == (
        "https://a.example",
        "http://localhost:5173",
        "http://[::1]:80",
    )


@pytest.mark.parametrize(
    "value",
    ["https://a.example/", "a.example", "https://A.example", "https://*.a.example", "null", "https://a,*", "*,*"],
)
def test_what_is_no_origin_is_refused(tmp_path: Path, value: str) -> None:
    assert "SOUNDGRAPH_CORS_ORIGINS" in problems(tmp_path, {"SOUNDGRAPH_CORS_ORIGINS": value})


def test_all_problems_are_told_at_once_and_no_password_with_them(tmp_path: Path) -> None:
    message = problems(tmp_path, {"SOUNDGRAPH_PORT": "x", "SOUNDGRAPH_DATABASE_URL": "mysql://u:hunter2@db/x"})
    assert len(message.splitlines()) == 2
    assert "hunter2" not in message


def test_production_accepts_what_is_complete(tmp_path: Path) -> None:
    assert load_settings(PRODUCTION, tmp_path / ".env").production


@pytest.mark.parametrize("missing", sorted(set(PRODUCTION) - {"SOUNDGRAPH_ENV"}))
def test_production_names_each_missing_service(tmp_path: Path, missing: str) -> None:
    environ = {name: value for name, value in PRODUCTION.items() if name != missing}
    assert problems(tmp_path, environ).startswith(f"{missing} is required in production")


def test_production_refuses_lifted_limits_and_plain_http(tmp_path: Path) -> None:
    weak = {"SOUNDGRAPH_RATE_LIMITS": "off", "SOUNDGRAPH_PUBLIC_URL": "http://sound.example"}
    message = problems(tmp_path, {**PRODUCTION, **weak})
    assert "SOUNDGRAPH_RATE_LIMITS=off" in message
    assert "SOUNDGRAPH_PUBLIC_URL must start with https://" in message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://soundgraph:soundgraph@db/soundgraph",
        "postgresql://postgres:postgres@db/soundgraph",
        "postgresql://app:app@db/soundgraph",
        "postgresql://u:Change%2Dme@db/soundgraph",
        "postgresql://u:@db/soundgraph",
        "postgresql://u@db/soundgraph",
        "postgresql://db/soundgraph",
        "postgresql://u@db/soundgraph?password=secret",
    ],
)
def test_production_refuses_a_database_password_that_everybody_knows(tmp_path: Path, url: str) -> None:
    message = problems(tmp_path, {**PRODUCTION, "SOUNDGRAPH_DATABASE_URL": url})
    assert message.startswith("SOUNDGRAPH_DATABASE_URL has no password, or one that everybody tries first")
    assert load(tmp_path, DATABASE_URL=url).database_url == url


def test_a_database_password_may_be_in_the_query(tmp_path: Path) -> None:
    url = "postgresql://u@db/soundgraph?password=6f1d9c"
    assert load_settings({**PRODUCTION, "SOUNDGRAPH_DATABASE_URL": url}, tmp_path / ".env").production


def test_production_names_everything_at_once(tmp_path: Path) -> None:
    bare = {"SOUNDGRAPH_ENV": "production", "SOUNDGRAPH_RATE_LIMITS": "off", "SOUNDGRAPH_HOME": str(tmp_path)}
    with pytest.raises(SettingsError) as caught:
        load_settings(bare, tmp_path / ".env", also=secret_problems)
    said = caught.value.problems
    storage = ("S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    required = ("PUBLIC_URL", "DATABASE_URL", "REDIS_URL", "SMTP_URL", *storage)
    assert [one.split(maxsplit=1)[0] for one in said[:7]] == [f"SOUNDGRAPH_{name}" for name in required]
    assert said[7].startswith("SOUNDGRAPH_RATE_LIMITS=off")
    assert "signing.pem" in said[8]
    assert "application.key" in said[8]
    assert len(said) == 9


def test_half_a_storage_is_refused_everywhere(tmp_path: Path) -> None:
    message = problems(tmp_path, {"SOUNDGRAPH_HOME": str(tmp_path), "SOUNDGRAPH_S3_BUCKET": "sounds"})
    assert "SOUNDGRAPH_S3_ACCESS_KEY is missing" in message
    assert "SOUNDGRAPH_S3_SECRET_KEY is missing" in message


def test_development_asks_for_none_of_it(tmp_path: Path) -> None:
    assert not load_settings({"SOUNDGRAPH_HOME": str(tmp_path)}, tmp_path / ".env", also=secret_problems).production


@pytest.mark.skipif(os.geteuid() == 0, reason="root has a directory of its own")
def test_home_is_the_users_data_directory() -> None:
    assert default_home({"XDG_DATA_HOME": "/data"}) == Path("/data/soundgraph")
    assert default_home({}) == Path.home() / ".local/share/soundgraph"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write there")
def test_home_of_root_is_a_system_directory() -> None:
    assert default_home({"XDG_DATA_HOME": "/data"}) == Path("/var/lib/soundgraph")


def test_opening_home_makes_private_directories(tmp_path: Path) -> None:
    settings = load(tmp_path / "a" / "b")
    open_home(settings)
    open_home(settings)
    assert {stat.S_IMODE(path.stat().st_mode) for path in settings.home.iterdir()} == {0o700}
    # The cluster in it belongs to another user when we are root, who must be able to pass.
    assert stat.S_IMODE(settings.home.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
