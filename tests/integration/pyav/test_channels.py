"""Three to eight channels in everything that can hold them: each stays where it belongs."""

import io
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from tests.audio import encoded
from tests.integration.pyav.bench import Bench, check_ready

from soundgraph.adapters.pyav.decode import decoded, opened
from soundgraph.adapters.pyav.frames import rewrapped, samples
from soundgraph.adapters.pyav.loudness import Meter
from soundgraph.adapters.pyav.mix import Mixer
from soundgraph.adapters.pyav.probe import measure
from soundgraph.adapters.pyav.protocol import Limits

RATE = 48_000
LAYOUTS = {3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
# How FFmpeg names container and codec, how the codec is called that comes out, and the layouts that only it has.
FORMATS = [
    ("aiff", "pcm_s16be", "pcm_s16be", {}),
    ("flac", "flac", "flac", {}),
    ("ogg", "libopus", "opus", {4: "quad"}),
    ("webm", "libopus", "opus", {4: "quad"}),
    ("ipod", "aac", "aac", {7: "6.1(back)"}),
    ("ipod", "alac", "alac", {5: "5.0", 7: "6.1(back)", 8: "7.1(wide)"}),
]
NAMES = [f"{container} {name}" for container, _, name, _ in FORMATS]


def scale(container: str, codec: str, layout: str) -> bytes:
    """A second in which every channel of a layout is louder than the one before."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE, layout=layout)
        assert isinstance(stream, AudioStream)
        count = stream.layout.nb_channels
        tones = np.outer(levels(count), np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE))
        frame = AudioFrame.from_ndarray(
            tones.T.reshape(1, -1).astype(np.float32), format="flt", layout=stream.layout.name
        )
        frame.sample_rate, frame.pts = RATE, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def levels(count: int) -> list[float]:
    """The amplitude of each channel."""
    return [0.06 * (place + 1) for place in range(count)]


@pytest.mark.parametrize("channels", LAYOUTS)
@pytest.mark.parametrize(("container", "codec", "name", "layouts"), FORMATS, ids=NAMES)
def test_every_channel_is_decoded(
    tmp_path: Path, container: str, codec: str, name: str, layouts: dict[int, str], channels: int
) -> None:
    layout = layouts.get(channels, LAYOUTS[channels])
    path = tmp_path / "x"
    path.write_bytes(scale(container, codec, layout))
    with opened(path) as source:
        probe = measure(source, Limits())
    with opened(path) as source:
        frames = list(decoded(source, probe.seconds))
    array = np.concatenate([samples(frame) for frame in frames], axis=1).astype(np.float64)
    assert len(array) == channels
    middle = array[:, RATE // 4 : 3 * RATE // 4]
    found = np.sqrt(2 * (middle**2).mean(axis=1))
    if codec == "libopus":
        # FFmpeg's encoder puts the channels of five and seven in each other's places.
        found.sort()
    wanted = np.array(levels(channels))
    if (container, channels) == ("aiff", 8):
        # Its header says sides before backs, which is an order of its own; here they are the other way round.
        wanted = wanted[[0, 1, 2, 3, 6, 7, 4, 5]]
    assert found / found.sum() == pytest.approx(wanted / wanted.sum(), rel=0.1)
    meter, mixer = Meter(), Mixer(RATE)
    for frame in frames:
        meter.feed(frame)
        for block in mixer.feed(frame):
            assert np.isfinite(block).all()
    meter.finish()
    assert meter.measured is not None


@pytest.mark.parametrize(("container", "codec", "name", "layouts"), FORMATS, ids=NAMES)
async def test_eight_channels_are_processed(
    bench: Bench, container: str, codec: str, name: str, layouts: dict[int, str]
) -> None:
    outcome = await bench.run(encoded(container, codec, 1.5, rate=RATE, layout=layouts.get(8, "7.1")))
    await check_ready(bench, outcome, seconds=1.5, rate=RATE, channels=8, codec=name)


async def test_eight_channels_of_vorbis(bench: Bench) -> None:
    # PyAV's own encoder of it knows stereo only.
    command = ["ffmpeg", "-v", "error", "-i", "-", "-c:a", "libvorbis", "-f", "ogg", "-"]
    wav = encoded("wav", "pcm_s16le", 1.5, rate=RATE, layout="7.1")
    try:
        made = subprocess.run(command, input=wav, capture_output=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("there is no ffmpeg command here")
    await check_ready(bench, await bench.run(made), seconds=1.5, rate=RATE, channels=8, codec="vorbis")


@pytest.mark.parametrize("form", ["s16", "s16p", "fltp", "dblp"])
def test_eight_planes_become_a_frame_and_an_array_again(form: str) -> None:
    frame = AudioFrame(form, "7.1", 3)
    frame.sample_rate = RATE
    array = np.arange(24).reshape(8, 3).astype(samples(frame).dtype)
    assert (samples(rewrapped(array, frame, "7.1")) == array).all()
