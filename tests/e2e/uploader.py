"""Sends uploads of any size, several at once, and says how each went: a program of its own, so that it disturbs nobody.

    python uploader.py API TOKEN BYTES HOW_MANY

Prints one JSON list of [status, seconds, track id]. What it sends is a WAV file of silence that lasts longer than
anything may, so that processing it ends soon.
"""

import http.client
import json
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

BOUNDARY = "------------------------a-boundary"
BLOCK = bytes(64 << 10)
SAMPLES_A_SECOND = 1_000


def wav_head(size: int) -> bytes:
    """The head of a mono WAV file with `size` samples of eight bits, at so low a rate that it lasts for hours."""
    rate = SAMPLES_A_SECOND
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8) + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + size) + b"WAVE" + chunks


def form(size: int) -> tuple[bytes, bytes]:
    """What stands before and after the `size` bytes of samples."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{{}}"\r\n'
    before = part.format("title") + "\r\nHours of silence\r\n"
    before += part.format("visibility") + "\r\nprivate\r\n"
    before += part.format('audio"; filename="silence.wav').rstrip("\r\n") + "\r\nContent-Type: audio/wav\r\n\r\n"
    return before.encode() + wav_head(size), f"\r\n--{BOUNDARY}--\r\n".encode()


def upload(api: str, token: str, size: int) -> tuple[int, float, str]:
    """Status, seconds, and the id of the track."""
    before, after = form(size)

    def body() -> Iterator[bytes]:
        yield before
        left = size
        while left:
            yield BLOCK[:left]
            left -= min(left, len(BLOCK))
        yield after

    url = urlsplit(api)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(before) + size + len(after)),
    }
    started = time.monotonic()
    connection = http.client.HTTPConnection(url.netloc, timeout=120)
    try:
        connection.request("POST", f"{url.path}/tracks", body(), headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        return answer.status, time.monotonic() - started, content.get("id", "")
    finally:
        connection.close()


def main(api: str, token: str, size: str, how_many: str) -> None:
    """Send all of them at once and print the outcome."""
    with ThreadPoolExecutor(int(how_many)) as threads:
        sent = [threads.submit(upload, api, token, int(size)) for _ in range(int(how_many))]
        print(json.dumps([one.result() for one in sent]))


if __name__ == "__main__":
    main(*sys.argv[1:])
