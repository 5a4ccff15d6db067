"""What a child does to itself before it touches a stranger's file."""

import ctypes
import os
import resource
import threading

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


def lower(kind: int, soft: int, hard: int) -> None:
    """Set a limit of the `resource` module, no higher than it may be raised."""
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling) if hard != resource.RLIM_INFINITY else ceiling
    resource.setrlimit(kind, (soft, hard))


def _exit_at_end_of_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
