"""Things that nobody may touch, and what tells whether anybody did."""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# From <sys/inotify.h>.
IN_ACCESS, IN_OPEN = 0x01, 0x20
EVENT = struct.Struct("iIII")


@dataclass(frozen=True)
class Canaries:
    """A directory whose files are watched, and a port that listens; nobody has a reason to come near either."""

    directory: Path
    port: int
    _opened: int
    _listening: socket.socket

    @property
    def url(self) -> str:
        """An address that anybody can reach who has a network."""
        return f"http://127.0.0.1:{self.port}/canary.mp3"

    def touched(self) -> list[str]:
        """Whoever came since the last look: names of files that were opened or read, and connections."""
        return self._files() + self._connections()

    def _files(self) -> list[str]:
        try:
            data = os.read(self._opened, 1 << 16)
        except BlockingIOError:
            return []
        names, place = [], 0
        while place < len(data):
            length = EVENT.unpack_from(data, place)[3]
            place += EVENT.size + length
            names.append(data[place - length : place].rstrip(b"\0").decode())
        return names

    def _connections(self) -> list[str]:
        try:
            connection, address = self._listening.accept()
        except BlockingIOError:
            return []
        connection.close()
        return [f"a connection from {address}"]


@contextmanager
def canaries(directory: Path) -> Iterator[Canaries]:
    """Watch what is in a directory (inotify(7)), and listen on a loopback port."""
    libc = ctypes.CDLL(None, use_errno=True)
    opened: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        assert libc.inotify_add_watch(opened, os.fsencode(directory), IN_ACCESS | IN_OPEN) > 0
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(0)
            yield Canaries(directory, int(listening.getsockname()[1]), opened, listening)
    finally:
        os.close(opened)
