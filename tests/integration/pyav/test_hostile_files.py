"""The processor on files that are broken, lie, or mean harm."""

import io
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from tests.audio import encoded, wav_bytes
from tests.integration.pyav.bench import Bench, check_ready


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("song.wav", wav_bytes(1))
    return file.getvalue()


def nested_moov(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = struct.pack(">I", len(data) + 8) + b"moov" + data
    return b"\0\0\0\x14ftypM4A \0\0\0\0M4A " + data


def flac_that_says(seconds: float) -> bytes:
    data = bytearray(encoded("flac", "flac", 3.0))
    # STREAMINFO ends its fifth field, the number of samples in 36 bits, at byte 26 of the file (RFC 9639, section 8.2).
    samples = round(seconds * 44_100)
    data[21] = data[21] & 0xF0 | samples >> 32 & 0xF
    data[22:26] = struct.pack(">I", samples & 0xFFFFFFFF)
    return bytes(data)


def video(*, sound: bool) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("aac", rate=44_100, layout="stereo") if sound else None
        for _ in range(50):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(pictures.encode(None))
        if audio is not None:
            wave = np.broadcast_to(0.5 * np.sin(2 * np.pi * 440 * np.arange(88_200) / 44_100), (2, 88_200))
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave, np.float32), format="fltp", layout="stereo")
            frame.sample_rate = 44_100
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return file.getvalue()


def with_zeros(data: bytes) -> bytes:
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


HOSTILE: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "empty": (lambda: b"", "not_audio"),
    "text": (lambda: b"This is not a song.\n" * 500, "not_audio"),
    "zip": (zipped, "not_audio"),
    "random": (lambda: np.random.default_rng(7).bytes(300_000), "not_audio"),
    "random after a frame header": (lambda: b"\xff\xfb\x90\x64" + np.random.default_rng(7).bytes(300_000), None),
    "only a wav header": (lambda: wav_bytes(0), "not_audio"),
    "half a wav": (lambda: half(wav_bytes(4)), "truncated"),
    "half an mp3": (lambda: half(encoded("mp3", "libmp3lame", 4.0)), "truncated"),
    "half a flac": (lambda: half(encoded("flac", "flac", 4.0)), "truncated"),
    "half an m4a": (lambda: half(encoded("ipod", "aac", 4.0)), "not_audio"),
    "half an m4a, index first": (lambda: half(encoded("ipod", "aac", 4.0, options={"movflags": "faststart"})), None),
    "flac that says an hour": (lambda: flac_that_says(3600), "truncated"),
    "flac with a hole": (lambda: with_zeros(encoded("flac", "flac", 4.0)), None),
    "m4a with a hole": (lambda: with_zeros(encoded("ipod", "aac", 4.0)), None),
    "nested moov": (lambda: nested_moov(5_000), "not_audio"),
    "only ftyp": (lambda: b"\0\0\0\x14ftypM4A \0\0\0\0M4A ", "not_audio"),
    "video only": (lambda: video(sound=False), "no_audio"),
    "protected": (lambda: encoded("ipod", "aac", 1.0).replace(b"mp4a", b"drms"), "protected"),
    "a codec tag that is no text": (
        lambda: encoded("wav", "pcm_s16le", 1.0).replace(b"fmt \x10\0\0\0\x01\0", b"fmt \x10\0\0\0\xff\xff"),
        "unsupported_codec",
    ),
    "nine channels": (lambda: wav_bytes(1, channels=9), "unsupported_channels"),
    "a low rate": (lambda: wav_bytes(1, 4_000), "unsupported_rate"),
    "a high rate": (lambda: wav_bytes(0.1, 384_000), "unsupported_rate"),
    "ac3": (lambda: encoded("matroska", "ac3", 1.0), "unsupported_codec"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_files_fail_with_a_reason_and_the_next_job_works(bench: Bench, name: str) -> None:
    make, code = HOSTILE[name]
    outcome = await bench.run(make())
    if code is None:
        assert outcome.failure is not None or len(outcome.renditions) == 2
    else:
        assert outcome.failure is not None
        assert outcome.failure.code == code
        assert not outcome.failure.retryable
        assert outcome.renditions == {}
    assert len((await bench.run(wav_bytes(0.5))).renditions) == 2


async def test_flac_that_says_one_second_lasts_as_long_as_it_does(bench: Bench) -> None:
    outcome = await bench.run(flac_that_says(1))
    await check_ready(bench, outcome, seconds=3.0, rate=44_100, channels=2, codec="flac")


@pytest.mark.parametrize("channels", [1, 2, 6])
async def test_samples_that_are_no_numbers_are_silence(bench: Bench, channels: int) -> None:
    data = bytearray(wav_bytes(2, channels=channels, bits=32, floating=True))
    data[20_000:20_400] = struct.pack("<100f", *[float("nan"), float("inf"), 1e38, -1e38] * 25)
    outcome = await bench.run(bytes(data))
    await check_ready(bench, outcome, seconds=2.0, rate=44_100, channels=channels, codec="pcm_f32le")


async def test_of_a_video_the_sound_is_used(bench: Bench) -> None:
    outcome = await bench.run(video(sound=True))
    await check_ready(bench, outcome, seconds=2.0, rate=44_100, channels=2, codec="aac")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.mark.parametrize("prefix", [b"", b"\xff\xfb\x90\x64" + bytes(413) + b"\xff\xfb\x90\x64" + bytes(413)])
@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "ffconcat version 1.0\nfile '{url}'\n",
        "file://{path}",
        "concat:{path}|{path}",
        "[playlist]\nFile1={url}\n",
        '<?xml version="1.0"?><MPD><BaseURL>{url}</BaseURL></MPD>',
    ],
)
async def test_playlists_reach_neither_files_nor_hosts(
    bench: Bench, tmp_path: Path, listener: socket.socket, playlist: str, prefix: bytes
) -> None:
    canary = tmp_path / "canary.mp3"
    canary.write_bytes(encoded("mp3", "libmp3lame", 2.0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/canary.mp3"
    outcome = await bench.run(prefix + playlist.format(url=url, path=canary).encode())
    assert outcome.failure is not None or (outcome.analysis is not None and outcome.analysis.duration_ms < 100)
    with pytest.raises(BlockingIOError):
        listener.accept()
