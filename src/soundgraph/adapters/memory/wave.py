"""Processes WAV files with the standard library."""

import array
import hashlib
import io
import json
import wave
from collections.abc import AsyncGenerator, AsyncIterator

from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import MediaFailed, MediaProcessor, MediaResult, Probed, Progress, refuse_damaged
from soundgraph.domain.tracks import Analysis, Failure, Gapless, Rendition, Segment

SAMPLES_PER_PIXEL = 256


class WaveProcessor(MediaProcessor):
    """Processes 8- and 16-bit PCM WAV with the standard library alone; other formats fail as `unsupported`.

    Duration and waveform are measured. It cannot encode, so every rendition is the original's bytes.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def process(self, original_key: str, *, into: str) -> AsyncGenerator[MediaResult]:
        yield Progress("probing", 0)
        data = b"".join([chunk async for chunk in self._store.read(original_key)])
        refuse_damaged(original_key, hashlib.sha256(data).hexdigest())
        try:
            with wave.open(io.BytesIO(data)) as reader:
                parameters, frames = reader.getparams(), reader.readframes(reader.getnframes())
        # Chunks that claim to be longer than the file make `wave` raise a bare RuntimeError.
        except (wave.Error, EOFError, RuntimeError) as error:
            failure = Failure("probing", "unsupported", "Without the media extra only PCM WAV files can be processed.")
            raise MediaFailed(failure) from error
        # A file that was cut off may end in the middle of a sample.
        frames = frames[: len(frames) - len(frames) % (parameters.sampwidth * parameters.nchannels)]
        if parameters.sampwidth > 2 or not frames or not parameters.framerate:
            raise MediaFailed(Failure("probing", "no_audio", "There is no 8- or 16-bit audio in this file."))
        duration = len(frames) // (parameters.sampwidth * parameters.nchannels) * 1000 // parameters.framerate
        yield Probed(duration)
        waveform = waveform_json(frames, parameters.sampwidth, parameters.nchannels, parameters.framerate)
        await self._store.put(f"{into}waveform.json", _once(waveform))
        yield Progress("analysing", 50)
        yield Analysis(duration, parameters.framerate, parameters.nchannels, "pcm", f"{into}waveform.json")
        whole = Gapless(0, 0, len(frames) // (parameters.sampwidth * parameters.nchannels))
        for name, file in (("mp3_128k", "mp3_128k.mp3"), ("opus_64k", "opus_64k.webm"), ("preview", "preview.mp3")):
            await self._store.put(into + file, _once(data))
            yield Rendition(name, into + file, len(data), gapless=whole)
        init, segment = f"{into}aac_160k/init.mp4", f"{into}aac_160k/0.m4s"
        for key in (init, segment):
            await self._store.put(key, _once(data))
        yield Rendition("aac_160k", init, 2 * len(data), (Segment(segment, duration),), whole)
        yield Progress("storing", 100)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def waveform_json(frames: bytes, width: int, channels: int, rate: int) -> bytes:
    """8-bit min/max pairs over 256 samples of the first channel, as audiowaveform version 2 JSON."""
    samples = array.array("h", frames) if width == 2 else array.array("h", ((one - 128) * 256 for one in frames))
    first = samples[::channels]
    pairs = []
    for start in range(0, len(first), SAMPLES_PER_PIXEL):
        block = first[start : start + SAMPLES_PER_PIXEL]
        pairs += [min(block) >> 8, max(block) >> 8]
    head = {"version": 2, "channels": 1, "sample_rate": rate, "samples_per_pixel": SAMPLES_PER_PIXEL, "bits": 8}
    return json.dumps({**head, "length": len(pairs) // 2, "data": pairs}).encode()
