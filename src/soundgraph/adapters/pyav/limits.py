"""What the child does to itself before it touches a stranger's file."""

import ctypes
import os
import resource
import threading

from soundgraph.adapters.pyav.protocol import Limits

# From <linux/sched.h> and <linux/prctl.h>.
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SIGKILL = 9


def isolate() -> None:
    """Leave the network and forgo new privileges, where the kernel lets us: containers often do not.

    Call it while there is one thread; a user namespace cannot be entered by more.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "unshare"):
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_with(parent: int) -> None:
    """Die when the parent does: by signal on Linux, and everywhere when the pipe on stdin closes.

    Call it after `isolate`, for a change of credentials clears the signal.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_exit_at_end_of_stdin, daemon=True).start()


def cap(limits: Limits) -> None:
    """Set every limit, with the processor time that probing may take."""
    for kind, amount in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.address_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        _lower(kind, amount, amount)
    _lower(resource.RLIMIT_CPU, limits.cpu_base, resource.RLIM_INFINITY)


def cap_processor_time(limits: Limits, duration: float) -> None:
    """Allow the rest of the job as much processor time as `duration` seconds of audio are worth, and no more, ever."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + limits.cpu_base + limits.cpu_factor * duration) + 1
    _lower(resource.RLIMIT_CPU, seconds, seconds + 5)


def _lower(kind: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling) if hard != resource.RLIM_INFINITY else ceiling
    resource.setrlimit(kind, (soft, hard))


def _exit_at_end_of_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
