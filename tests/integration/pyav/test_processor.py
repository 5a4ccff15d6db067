"""The processor on real audio of every kind."""

import io
import struct

import av
import numpy as np
import pytest
from tests.audio import encoded, wav_bytes
from tests.integration.pyav.bench import INTO, Bench, check_ready

from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.application.tracks import Progress
from soundgraph.domain.tracks import Analysis, Rendition


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    ("bits", "floating", "codec"),
    [
        (8, False, "pcm_u8"),
        (16, False, "pcm_s16le"),
        (24, False, "pcm_s24le"),
        (32, False, "pcm_s32le"),
        (32, True, "pcm_f32le"),
        (64, True, "pcm_f64le"),
    ],
)
async def test_wav_of_every_sample_type(bench: Bench, channels: int, bits: int, floating: bool, codec: str) -> None:
    outcome = await bench.run(wav_bytes(1.5, channels=channels, bits=bits, floating=floating))
    await check_ready(bench, outcome, seconds=1.5, rate=44_100, channels=channels, codec=codec)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 48_000, 88_200, 96_000, 176_400, 192_000])
async def test_wav_of_every_rate(bench: Bench, rate: int) -> None:
    outcome = await bench.run(wav_bytes(1.5, rate))
    await check_ready(bench, outcome, seconds=1.5, rate=rate, channels=2, codec="pcm_s16le")


@pytest.mark.parametrize("channels", [3, 4, 5, 7, 8])
async def test_odd_numbers_of_channels(bench: Bench, channels: int) -> None:
    outcome = await bench.run(wav_bytes(1.5, channels=channels))
    await check_ready(bench, outcome, seconds=1.5, rate=44_100, channels=channels, codec="pcm_s16le")


@pytest.mark.parametrize(
    ("container", "codec", "rate", "name"),
    [
        ("flac", "flac", 96_000, "flac"),
        ("aiff", "pcm_s16be", 44_100, "pcm_s16be"),
        ("mp3", "libmp3lame", 44_100, "mp3"),
        ("mp3", "libmp3lame", 22_050, "mp3"),
        ("mp2", "mp2", 44_100, "mp2"),
        ("3gp", "aac", 44_100, "aac"),
        ("3g2", "aac", 44_100, "aac"),
        ("ogg", "vorbis", 44_100, "vorbis"),
        ("ogg", "libopus", 48_000, "opus"),
        ("ogg", "flac", 44_100, "flac"),
        ("ipod", "aac", 48_000, "aac"),
        ("ipod", "alac", 44_100, "alac"),
        ("mov", "pcm_s24le", 44_100, "pcm_s24le"),
        ("adts", "aac", 44_100, "aac"),
        ("matroska", "flac", 44_100, "flac"),
        ("webm", "libopus", 48_000, "opus"),
        ("wav", "adpcm_ms", 44_100, "adpcm_ms"),
    ],
)
async def test_every_format(bench: Bench, container: str, codec: str, rate: int, name: str) -> None:
    outcome = await bench.run(encoded(container, codec, 2.0, rate=rate))
    await check_ready(bench, outcome, seconds=2.0, rate=rate, channels=2, codec=name)


@pytest.mark.parametrize("codec", ["adpcm_ms", "adpcm_ima_wav"])
async def test_the_byte_rate_of_adpcm_is_not_believed(bench: Bench, codec: str) -> None:
    data = bytearray(encoded("wav", codec, 2.0))
    # What FFmpeg 5 writes for any.
    struct.pack_into("<I", data, 28, 16_000)
    outcome = await bench.run(bytes(data))
    await check_ready(bench, outcome, seconds=2.0, rate=44_100, channels=2, codec=codec)


async def test_a_tag_before_the_audio_is_no_obstacle(bench: Bench) -> None:
    frames = b"".join(b"TXXX" + struct.pack(">IH", 12, 0) + b"\x03k%05d\0vvvv" % number for number in range(100_000))
    size = len(frames)
    header = b"ID3\x04\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    outcome = await bench.run(header + frames + encoded("mp3", "libmp3lame", 2.0))
    await check_ready(bench, outcome, seconds=2.0, rate=44_100, channels=2, codec="mp3")


async def test_hls_segments_are_about_six_seconds_and_add_up(bench: Bench) -> None:
    outcome = await bench.run(wav_bytes(20))
    rendition = outcome.renditions["aac_160k"]
    assert [segment.key for segment in rendition.segments] == [f"{INTO}aac_160k/seg-{n:05d}.m4s" for n in range(4)]
    assert all(5_900 <= segment.duration_ms <= 6_100 for segment in rendition.segments[:-1])
    assert sum(segment.duration_ms for segment in rendition.segments) == pytest.approx(20_000, abs=100)
    head = await bench.content(rendition.key)
    for segment in rendition.segments:
        with av.open(io.BytesIO(head + await bench.content(segment.key)), "r") as alone:
            played = sum(frame.samples for frame in alone.decode(audio=0)) / 44_100
        assert played * 1000 == pytest.approx(segment.duration_ms, abs=60)


async def test_the_mp3_says_how_long_it_is(bench: Bench) -> None:
    outcome = await bench.run(wav_bytes(5))
    data = await bench.content(outcome.renditions["mp3_128k"].key)
    assert b"Info" in data[:256]
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.bit_rate, container.duration) == (128_000, 5_000_000)


async def test_results_come_in_order(bench: Bench) -> None:
    await bench.put(wav_bytes(20))
    process = PyAvProcessor(bench.store, bench.scratch).process("original", into=INTO)
    kinds = [type(result) async for result in process]
    assert kinds[0] is Progress
    assert kinds.index(Analysis) < kinds.index(Rendition)
    assert kinds.count(Progress) > 10


async def test_a_change_of_shape_on_the_way(bench: Bench) -> None:
    twice = encoded("adts", "aac", 2.0) + encoded("adts", "aac", 2.0, rate=22_050, layout="mono")
    outcome = await bench.run(twice)
    assert outcome.analysis is not None
    # ADTS has no place to say how much priming to take away again.
    assert outcome.analysis.duration_ms == pytest.approx(4_130, abs=20)
    # The preview fades.
    for name in set(outcome.renditions) - {"preview"}:
        rate, samples = await bench.play(outcome.renditions[name])
        assert samples.shape[1] / rate == pytest.approx(4.13, abs=0.1)
        quarters = np.array_split(samples[0], 4)
        assert all(np.sqrt((quarter**2).mean()) > 0.2 for quarter in quarters)
