"""How much of the machine a job may use."""

import resource

from soundgraph.adapters.pyav.protocol import Limits
from soundgraph.adapters.sandbox.restraint import lower

# Probing is quick for all but files made to be slow: the largest of ours demuxes at ten times this speed (measured).
PROBING_SECONDS = 8
PROBED_BYTES_PER_SECOND = 2 << 20


def cap(limits: Limits, file_bytes: int) -> None:
    """Set every limit, with the processor time that probing a file of this size may take."""
    for kind, amount in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.address_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        lower(kind, amount, amount)
    probing = min(limits.cpu_base, PROBING_SECONDS + file_bytes // PROBED_BYTES_PER_SECOND)
    lower(resource.RLIMIT_CPU, probing, resource.RLIM_INFINITY)


def cap_processor_time(limits: Limits, duration: float) -> None:
    """Allow the rest of the job as much processor time as `duration` seconds of audio are worth, and no more, ever."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + limits.cpu_base + limits.cpu_factor * duration) + 1
    lower(resource.RLIMIT_CPU, seconds, seconds + 5)
