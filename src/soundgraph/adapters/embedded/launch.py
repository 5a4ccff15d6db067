"""Runs one PostgreSQL program: drops privileges, ties its life to our parent, then becomes it.

Started by path with `python -I -S`, so it imports the standard library only and costs milliseconds. The order matters:
Linux clears a parent-death signal when a process changes its user, so it is set after that, here inside the child.

    launch.py PARENT USER:GROUP HIDDEN PROGRAM [ARGUMENT…]

PARENT is the process whose death ends the program. USER:GROUP are numbers, or "-" to stay who we are. HIDDEN is "-", or
a directory the program's user owns but cannot walk to, because a directory above it is private; arguments equal to it
are replaced by a path through an open descriptor, which needs no walk and widens nobody's permissions.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Have the kernel send `number` to this process when the *thread* that started it ends.

    Exits at once if `parent` is gone already. Elsewhere than on Linux this only does the latter.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(f"process {parent}, which started this one, is gone")


def main(arguments: list[str]) -> None:
    """Become the program that the arguments name."""
    parent, owner, hidden, *command = arguments
    if hidden != "-":
        descriptor = os.open(hidden, os.O_PATH | os.O_DIRECTORY)
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - takes it by position only
        command = [f"/proc/self/fd/{descriptor}" if argument == hidden else argument for argument in command]
    if owner != "-":
        user, group = (int(number) for number in owner.split(":"))
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    # Fast shutdown: PostgreSQL rolls back what is open and writes a checkpoint.
    die_with_parent(int(parent), signal.SIGINT)
    os.execv(command[0], command)  # noqa: S606 - our own program, no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
