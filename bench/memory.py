"""What an hour of audio costs in memory: `python -m bench.memory`. Ten minutes with one core to itself.

For each format a file of an hour is processed, and the child's resident memory at its start, once it has loaded what
it needs, is compared with the most it ever held, by the kernel's account.
"""

import asyncio
import sys

from tests.integration.pyav.memory import BAR_MIB, FORMATS, growth

MINUTES = 60


def main(minutes: float) -> int:
    """Measure and print. 1 if a format holds more than the bar allows."""
    over = False
    for name, make in FORMATS.items():
        start, peak = asyncio.run(growth(make, minutes * 60))
        over |= peak - start > BAR_MIB
        print(f"{name:24} {start:4} MiB at the start, {peak:4} at most: +{peak - start} (bar: {BAR_MIB})", flush=True)
    return int(over)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
