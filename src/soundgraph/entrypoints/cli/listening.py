"""Whether an address is free to listen on, and what to say if not."""

import socket
import time

from soundgraph.entrypoints.settings import StartupError


def require_free(host: str, port: int, *, command: str, grace: float = 0.5) -> None:
    """Raise StartupError, naming a free port, if something listens there.

    Processes of ours that were just killed take some milliseconds to vanish; `grace` is how many seconds they get.
    """
    deadline = time.monotonic() + grace
    while (problem := _problem(host, port)) is not None:
        if time.monotonic() > deadline:
            free = next((number for number in range(port + 1, 65536) if _problem(host, number) is None), 0)
            raise StartupError(
                f"Port {port} on {host} cannot be used: {problem}. Stop what listens there, "
                f"or choose another port: SOUNDGRAPH_PORT={free} {command}"
            )
        time.sleep(0.05)


def _problem(host: str, port: int) -> str | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise StartupError(f"SOUNDGRAPH_HOST is {host!r}, which is not an address here: {error.strerror}.") from error
    with socket.socket(family, kind, protocol) as probe:
        # Connections that linger after a stop do not count; a listener does, even one that would share its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return None
