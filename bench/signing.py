"""What signing an address costs beside boto3: `python -m bench.signing`. Both sides sign in turn, in one run."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from tests.s3_servers import boto_client

from soundgraph.adapters.s3.signing import Bucket, Signer
from soundgraph.adapters.system import SystemClock
from soundgraph.application.ports import Clock

BUCKET = Bucket("https://media.example", "sounds", "eu-central-1", "AKIDEXAMPLE", "secret-of-this-bench")
LIFETIME = timedelta(minutes=20)
SEGMENTS = [f"renditions/01890a5d-ac96/01890a5d-ac97/1/aac_160k/{number:05}.m4s" for number in range(50)]
ROUNDS = 15
BARS = {"one address": 25, "a manifest of 50": 50}


class Fixed(Clock):
    """One moment."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


def microseconds(action: Callable[[], object], times: int) -> float:
    """How long one takes, as the mean of so many."""
    started = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - started) / times * 1e6


def main() -> None:
    """Compare, check that the signatures are the same, and hold the bars."""
    client, signer = boto_client(BUCKET), Signer(BUCKET, SystemClock())

    def theirs(key: str) -> str:
        params = {"Bucket": BUCKET.name, "Key": key, "ResponseContentType": "video/mp4"}
        url: str = client.generate_presigned_url("get_object", Params=params, ExpiresIn=1200)
        return url

    def ours(keys: list[str]) -> list[str]:
        return signer.get(keys, lifetime=LIFETIME, content_type="video/mp4")

    for key in SEGMENTS:
        url = theirs(key)
        stamp = parse_qs(urlsplit(url).query)["X-Amz-Date"][0]
        at = Fixed(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
        assert Signer(BUCKET, at).get([key], lifetime=LIFETIME, content_type="video/mp4") == [url]
    took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in BARS}
    for _ in range(ROUNDS):
        took["one address"][0].append(microseconds(lambda: theirs(SEGMENTS[0]), 100))
        took["one address"][1].append(microseconds(lambda: ours(SEGMENTS[:1]), 2_000))
        took["a manifest of 50"][0].append(microseconds(lambda: [theirs(key) for key in SEGMENTS], 2))
        took["a manifest of 50"][1].append(microseconds(lambda: ours(SEGMENTS), 100))
    print(f"{'':18} {'boto3':>10} {'ours':>10} {'ratio':>8} {'bar':>6}")
    held = True
    for name, (them, us) in took.items():
        boto, mine = statistics.median(them), statistics.median(us)
        held &= boto / mine >= BARS[name]
        print(f"{name:18} {boto:7.1f} µs {mine:7.1f} µs {boto / mine:7.1f}× {BARS[name]:5}×")
    assert held, "a bar was missed"


if __name__ == "__main__":
    main()
