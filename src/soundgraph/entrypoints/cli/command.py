"""A command as a service: a child process with a session and a log of its own and, if wanted, a sign of readiness."""

import http.client
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LOG_LIMIT_BYTES = 20 * 1024 * 1024


class Command:
    """Runs `argv`. Its own session keeps Ctrl-C in the terminal from reaching it before the supervisor wants it to."""

    def __init__(
        self,
        *,
        name: str,
        argv: Sequence[str],
        log: Path,
        environ: Mapping[str, str],
        answers: Callable[[], bool] | None = None,
        patience: tuple[float, float, float] = (15.0, 2.0, 5.0),
    ) -> None:
        self.name = name
        self.log = log
        self.patience = patience
        self._argv = list(argv)
        self._environ = dict(environ)
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process, once started."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process, after whatever an earlier one left behind was ended."""
        self.release()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the caller's own commands
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll() if self._process is not None else 0

    def ready(self) -> bool:
        """Whether it runs and, if it has a sign of readiness, shows it."""
        return self._process is not None and self.poll() is None and (self._answers is None or self._answers())

    def ask_to_stop(self, urgency: int) -> None:
        """0 asks the process to finish what it does; more than that kills it and everything it started."""
        if self._process is None or self._process.poll() is not None:
            return
        if urgency == 0:
            self._process.send_signal(signal.SIGTERM)
        else:
            os.killpg(self._process.pid, signal.SIGKILL)

    def release(self) -> None:
        """After the process ended: end what it started and left in its session."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None


def answers_http(host: str, port: int, path: str) -> Callable[[], bool]:
    """A sign of readiness: GET `path` answers 200 within a second."""

    def check() -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=1.0)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return check


def trim_log(path: Path, limit: int = LOG_LIMIT_BYTES) -> None:
    """Set a log that grew past `limit` bytes aside. Its writer appends, so the file can be emptied under it."""
    if path.exists() and path.stat().st_size > limit:
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    if not path.exists():
        return "    (empty)"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16_384))
        end = file.read().decode(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in end)
