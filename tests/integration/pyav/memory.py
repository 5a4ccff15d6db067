"""What a media child holds while it works through a long file."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.audio import encoded, wav_bytes
from tests.integration.pyav.bench import Bench
from tests.integration.pyav.verdicts import peak_of_children

BAR_MIB = 100

FORMATS: dict[str, Callable[[float], bytes]] = {
    "WAV": wav_bytes,
    "FLAC": lambda seconds: encoded("flac", "flac", seconds),
    "MP3": lambda seconds: encoded("mp3", "libmp3lame", seconds),
    "M4A": lambda seconds: encoded("ipod", "aac", seconds),
    "ADTS": lambda seconds: encoded("adts", "aac", seconds),
    "Opus": lambda seconds: encoded("ogg", "libopus", seconds, rate=48_000),
    "Vorbis": lambda seconds: encoded("ogg", "vorbis", seconds),
}


async def growth(make: Callable[[float], bytes], seconds: float) -> tuple[int, int]:
    """Resident MiB of a child that did nothing but start, and of one at its peak over the whole file."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        async with peak_of_children() as start:
            await bench.run(b"no audio")
        data = make(seconds)
        async with peak_of_children() as peak:
            outcome = await bench.run(data)
        assert outcome.failure is None
    return start[0], peak[0]
