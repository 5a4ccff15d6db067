"""What large uploads cost: `python -m bench.upload`. Serves the product on a directory that it removes afterwards."""

import tempfile
from contextlib import closing
from pathlib import Path

from tests.audio import wav_bytes
from tests.e2e.load import MIB, MemoryWatch, poll_while, uploading
from tests.e2e.product import Served
from tests.ports import free_port


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory, closing(Served(Path(directory) / "home", free_port())) as product:
        product.wait_ready()
        person = product.join("bench")
        person.publish(wav_bytes(1), "Small")
        with MemoryWatch(product) as memory, uploading(person, product.api, 500 * MIB) as large:
            pass
        with uploading(person, product.api, 50 * MIB, how_many=10) as many:
            latency = poll_while(many, product)
    name, growth = next(iter(memory.growth().items()))
    rows = (
        ("500 MiB, one upload", f"{large.seconds[0]:.1f} s", ""),
        ("  largest growth of a process", f"{growth:.1f} MiB", f"{name}; bar: 50"),
        ("10 × 50 MiB at once, the last", f"{max(many.seconds):.1f} s", ""),
        ("  /health/live p50", f"{latency.p50:.1f} ms", f"{latency.count} answers"),
        ("  /health/live p99", f"{latency.p99:.1f} ms", "bar: 100"),
        ("  /health/live max", f"{latency.most:.1f} ms", ""),
    )
    for what, value, remark in rows:
        print(f"{what:32} {value:>10}  {remark}".rstrip())


if __name__ == "__main__":
    main()
