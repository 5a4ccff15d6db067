"""The processor on files that are broken, lie, or mean harm: each ends with music or with a reason, cheaply."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.audio import encoded, wav_bytes
from tests.canaries import Canaries, canaries
from tests.hostile import bait, disguises, lossless, mpeg, mpeg4, ogg, riff
from tests.integration.pyav.bench import Bench, Outcome, check_ready
from tests.integration.pyav.verdicts import hear_out

HOSTILE = riff.FILES | mpeg4.FILES | ogg.FILES | mpeg.FILES | lossless.FILES | disguises.FILES

# What has to become of some of them. The others may end either way, as long as they end.
READY = {
    "wav of data size 0",
    "wav of 4 GB",
    "wav with 200,000 chunks",
    "samples that are no numbers",
    "doubles beyond singles",
    "index first",
    "500 links of chained ogg",
    "100,000 frames of text",
    "a tag of 16 MB",
    "a thousand tags",
    "a cover of 65,000 by 65,000",
    "a cover that swells",
    "a cover that is an svg",
    "flac with a picture of 65,000 by 65,000",
    "mp3 that is a zip too",
    "mp3 with a page in its tag",
    "wav that is an m4a too",
}
FAILED = {
    "wav at 1 Hz": "too_long",
    "wav of 2 GB": "truncated",
    "wav of nine channels": "unsupported_channels",
    "extensible wav of an unknown kind": "unsupported_codec",
    "only ftyp": "not_audio",
    "moov in moov, 40 KB of it": "not_audio",
    "20,000 edits": "corrupt",
    "protected": "protected",
    "encrypted": "protected",
    "video only": "no_audio",
    "half an m4a": "not_audio",
    "half an m4a, index first": "truncated",
    "opus of 24 hours": "too_long",
    "opus of 48 hours": "too_long",
    "chained ogg at another rate": "unsupported_codec",
    "chained ogg of other channels": "unsupported_codec",
    "a cover and no sound": "not_audio",
    "half an mp3": "truncated",
    "adts of garbage": "corrupt",
    "flac of 24 hours that says one second": "too_long",
    "flac of 7 hours that says nothing": "too_long",
    "flac that says an hour": "truncated",
    "half a flac": "truncated",
    "ac3": "unsupported_codec",
    "empty": "not_audio",
    "one byte": "not_audio",
    "text": "not_audio",
    "zip": "not_audio",
    "random": "not_audio",
    "gzip that swells to 64 MB": "not_audio",
    "svg": "not_audio",
    "only a wav header": "not_audio",
    "half a wav": "truncated",
    "half an aiff": "truncated",
}


async def everything(bench: Bench, outcome: Outcome) -> dict[str, bytes]:
    """All the bytes that a good file became."""
    assert outcome.analysis is not None
    keys = [outcome.analysis.waveform_key]
    for one in outcome.renditions.values():
        keys += [one.key, *(segment.key for segment in one.segments)]
    return {key: await bench.content(key) for key in keys}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the good file becomes in an undisturbed world."""

    async def process() -> dict[str, bytes]:
        bench = Bench(tmp_path_factory.mktemp("usual"))
        return await everything(bench, await bench.run(wav_bytes(0.5)))

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(process())


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_ends_with_a_reason_and_the_next_job_is_as_ever(
    bench: Bench, usual: dict[str, bytes], name: str
) -> None:
    outcome = await hear_out(bench, HOSTILE[name]())
    if name in READY:
        assert outcome.failure is None
    if name in FAILED:
        assert outcome.failure is not None
        assert outcome.failure.code == FAILED[name]
        assert outcome.renditions == {}
    # `usual` ran every line of this already.
    assert await everything(bench, await bench.run(wav_bytes(0.5), coverage=False)) == usual


def test_what_is_expected_is_expected_of_files_that_exist() -> None:
    assert READY | set(FAILED) <= set(HOSTILE)
    assert READY.isdisjoint(FAILED)


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Canaries]:
    """Beside the scratch directory, where a relative path from within a job leads."""
    directory = tmp_path / "canaries"
    directory.mkdir()
    (directory / "canary.mp3").write_bytes(encoded("mp3", "libmp3lame", 2.0, frequency=3_000))
    with canaries(directory) as watched:
        yield watched


def test_the_trap_notices(trap: Canaries) -> None:
    assert trap.touched() == []
    (trap.directory / "canary.mp3").read_bytes()
    assert set(trap.touched()) == {"canary.mp3"}
    assert trap.touched() == []


@pytest.mark.parametrize("name", bait.FILES)
async def test_bait_leads_to_no_file_and_no_host(bench: Bench, trap: Canaries, name: str) -> None:
    path = trap.directory / "canary.mp3"
    outcome = await hear_out(bench, bait.FILES[name](trap.url, str(path), trap.port))
    assert trap.touched() == []
    if outcome.failure is None:
        for rendition in outcome.renditions.values():
            rate, samples = await bench.play(rendition)
            spectrum = np.abs(np.fft.rfft(samples[0]))
            loudest = spectrum.argmax() * rate / samples.shape[1]
            assert spectrum.max() < 1 or loudest == pytest.approx(440, abs=20)


async def test_flac_that_says_one_second_lasts_as_long_as_it_does(bench: Bench) -> None:
    outcome = await bench.run(lossless.flac_that_says(seconds=1))
    await check_ready(bench, outcome, seconds=3.0, rate=44_100, channels=2, codec="flac")


async def test_what_surrounds_the_sound_changes_nothing(bench: Bench) -> None:
    for data in (mpeg.apic(mpeg.png(65_000, 65_000)) + mpeg.good(), mpeg.texts(1_000) + mpeg.good() + disguises.PDF):
        outcome = await bench.run(data)
        await check_ready(bench, outcome, seconds=2.0, rate=44_100, channels=2, codec="mp3")
        assert b"IHDR" not in b"".join((await everything(bench, outcome)).values())


@pytest.mark.parametrize("channels", [1, 2, 6])
async def test_samples_that_are_no_numbers_are_silence(bench: Bench, channels: int) -> None:
    data = bytearray(wav_bytes(2, channels=channels, bits=32, floating=True))
    odd = np.array([np.nan, np.inf, 1e38, -1e38, 1e-45] * 20, "<f4").tobytes()
    data[20_000 : 20_000 + len(odd)] = odd
    outcome = await bench.run(bytes(data))
    await check_ready(bench, outcome, seconds=2.0, rate=44_100, channels=channels, codec="pcm_f32le")


async def test_of_a_video_the_sound_is_used(bench: Bench) -> None:
    outcome = await bench.run(mpeg4.video(sound=True))
    await check_ready(bench, outcome, seconds=2.0, rate=44_100, channels=2, codec="aac")
