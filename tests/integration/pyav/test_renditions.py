"""What the renditions are, to the sample; how loud; and what is made of what a file says about itself."""

import io
import struct
import subprocess
from collections.abc import Callable

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from PIL import Image
from tests.audio import encoded, wav_bytes
from tests.integration.pyav.bench import Bench

from soundgraph.adapters.pyav.crc import crc16
from soundgraph.adapters.pyav.loudness import Meter


def wav_of(samples: NDArray[np.float32], rate: int) -> bytes:
    """A 16-bit WAV file of samples of shape (channels, n), full scale 1."""
    data = np.rint(samples.T * 32_767).astype("<i2").tobytes()
    channels = len(samples)
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def noise(seconds: float, rate: int) -> NDArray[np.float32]:
    """Noise that encoders keep most of: nothing above 4 kHz."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal((2, round(seconds * rate))))
    spectrum[:, round(4_000 * seconds) :] = 0
    sound = np.fft.irfft(spectrum, round(seconds * rate))
    scaled: NDArray[np.float32] = (0.3 * sound / np.abs(sound).max()).astype(np.float32)
    return scaled


@pytest.mark.parametrize(("rate", "count"), [(44_100, 132_301), (48_000, 150_001), (22_050, 66_151), (96_000, 288_002)])
async def test_gapless_numbers_are_exact_and_nothing_is_shifted(bench: Bench, rate: int, count: int) -> None:
    original = noise(count / rate, rate)
    outcome = await bench.run(wav_of(original, rate))
    for name in ("mp3_128k", "aac_160k", "opus_64k"):
        rendition = outcome.renditions[name]
        out_rate, raw = await bench.play(rendition, trim=False)
        await bench.check_gapless(rendition, (2 * count * out_rate + rate) // (2 * rate))
        assert rendition.gapless is not None
        delay, length = rendition.gapless.encoder_delay, rendition.gapless.samples
        audio = raw[0, delay : delay + length]
        # Compare in frequency: the phase of what both have in common gives the shift, to a fraction of a sample.
        kept = round(3_000 * count / rate)
        ours, theirs = np.fft.rfft(audio)[:kept], np.fft.rfft(original[0])[:kept]
        product = ours * theirs.conj() / np.abs(ours * theirs.conj() + 1e-9)
        found = int(np.abs(np.fft.ifft(product, 64 * kept)).argmax())
        shift = min(found, 64 * kept - found)
        # `shift` is in parts of 1 / (64 * kept) of the whole, which lasts `count` samples.
        assert shift * count / (64 * kept) < 1, name


async def test_the_mp3_header_is_whole(bench: Bench) -> None:
    outcome = await bench.run(wav_bytes(5))
    data = await bench.content(outcome.renditions["mp3_128k"].key)
    at = data.index(b"Info")
    assert at == 36
    flags, frames, size = struct.unpack(">III", data[at + 4 : at + 16])
    assert (flags, size) == (15, len(data))
    seek = list(data[at + 16 : at + 116])
    assert seek == sorted(seek)
    assert data[at + 120 : at + 124] == b"LAME"
    delay, padding = divmod(int.from_bytes(data[at + 141 : at + 144]), 4096)
    assert delay == 576
    assert frames * 1152 - delay - padding == 5 * 44_100
    assert int.from_bytes(data[at + 148 : at + 152]) == len(data)
    assert int.from_bytes(data[at + 152 : at + 154]) == crc16(data[417:])
    assert int.from_bytes(data[at + 154 : at + 156]) == crc16(data[: at + 154])


def test_the_checksum_is_crc_16_arc() -> None:
    assert crc16(b"123456789") == 0xBB3D
    data = bytes(range(256)) * 40
    assert crc16(data) == crc16(data[5_001:], crc16(data[5_000:5_001], crc16(data[:5_000])))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: encoded("mp3", "libmp3lame", 8.0), "mp3_128k"),
        (lambda: encoded("mp3", "libmp3lame", 8.0, rate=48_000, layout="mono"), "mp3_128k"),
        (lambda: encoded("ipod", "aac", 8.0), "aac_160k"),
        (lambda: encoded("ipod", "aac", 8.0, rate=48_000, options={"movflags": "faststart"}), "aac_160k"),
        (lambda: encoded("matroska", "aac", 8.0), "aac_160k"),
        (lambda: encoded("adts", "aac", 8.0), "aac_160k"),
        (lambda: encoded("adts", "aac", 4.0) + encoded("adts", "aac", 4.0, layout="mono"), None),
        (lambda: encoded("adts", "aac", 8.0, options={"b": "256000"}), None),
        (lambda: encoded("mp3", "libmp3lame", 8.0, rate=22_050), None),
    ],
    ids=[
        "mp3",
        "mono mp3",
        "m4a",
        "m4a index first",
        "millisecond timestamps",
        "adts",
        "adts of two kinds",
        "high rate",
        "low rate",
    ],
)
async def test_what_would_not_gain_is_copied(bench: Bench, make: Callable[[], bytes], name: str | None) -> None:
    data = make()
    outcome = await bench.run(data)
    assert outcome.failure is None
    with av.open(io.BytesIO(data), "r") as container:
        theirs = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
        if container.format.name == "aac":
            theirs = [packet[7:] for packet in theirs]
    with av.open(io.BytesIO(data), "r") as container:
        played = sum(frame.samples for frame in container.decode(audio=0))
    for one in ("mp3_128k", "aac_160k"):
        rendition = outcome.renditions[one]
        keys = [rendition.key, *(segment.key for segment in rendition.segments)]
        stored = io.BytesIO(b"".join([await bench.content(key) for key in keys]))
        with av.open(stored, "r") as container:
            ours = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
        assert (ours == theirs) == (one == name)
        if one == name:
            await bench.check_gapless(rendition, played)
    first = next(iter(outcome.renditions))
    assert first == (name or "opus_64k")


async def test_the_preview_is_the_loudest_half_minute_faded(bench: Bench) -> None:
    rate = 8_000
    times = np.arange(90 * rate) / rate
    loud = (times >= 41) & (times < 71)
    sound = np.where(loud, 0.5, 0.05) * np.sin(2 * np.pi * np.where(loud, 600, 300) * times)
    outcome = await bench.run(wav_of(np.stack([sound, sound]).astype(np.float32), rate))
    rendition = outcome.renditions["preview"]
    await bench.check_gapless(rendition, 30 * 48_000)
    out_rate, played = await bench.play(rendition)
    power = (played[0] ** 2).reshape(300, -1).mean(axis=1)
    assert power[15:285] == pytest.approx(0.125, rel=0.15)
    assert power[0] < 0.01 * 0.125
    assert power[-1] < 0.01 * 0.125
    middle = np.abs(np.fft.rfft(played[0, 5 * out_rate : 25 * out_rate]))
    assert middle.argmax() / 20 == pytest.approx(600, abs=1)


def steps(*parts: tuple[float, float]) -> NDArray[np.float32]:
    """A stereo sine of 1 kHz at 48 kHz in parts of (seconds, dBFS)."""
    levels = np.concatenate([np.full(round(seconds * 48_000), 10 ** (level / 20)) for seconds, level in parts])
    sound = levels * np.sin(2 * np.pi * 1_000 * np.arange(len(levels)) / 48_000)
    return np.stack([sound, sound]).astype(np.float32)


# EBU Tech 3341, table 1, cases 1 to 5, and EBU Tech 3342, table 1, cases 1 to 3.
@pytest.mark.parametrize(
    ("signal", "integrated", "width"),
    [
        (steps((20, -23)), -23.0, None),
        (steps((20, -33)), -33.0, None),
        (steps((10, -36), (60, -23), (10, -36)), -23.0, None),
        (steps((10, -72), (10, -36), (60, -23), (10, -36), (10, -72)), -23.0, None),
        (steps((20, -26), (20.1, -20), (20, -26)), -23.0, None),
        (steps((20, -20), (20, -30)), None, 10.0),
        (steps((20, -20), (20, -15)), None, 5.0),
        (steps((20, -40), (20, -20)), None, 20.0),
    ],
)
async def test_loudness_of_the_ebu_signals(
    bench: Bench, signal: NDArray[np.float32], integrated: float | None, width: float | None
) -> None:
    loudness = (await bench.run(wav_of(signal, 48_000))).loudness
    assert loudness is not None
    if integrated is not None:
        assert loudness.integrated_lufs == pytest.approx(integrated, abs=0.1)
    if width is not None:
        assert loudness.range_lu == pytest.approx(width, abs=1)


async def test_true_peaks_lie_between_samples(bench: Bench) -> None:
    # A quarter of the sample rate, sampled 45 degrees off its peaks: 3 dB more than any sample shows.
    sound = 0.5 * np.sin(np.pi / 2 * np.arange(5 * 48_000) + np.pi / 4) * np.hanning(5 * 48_000)
    loudness = (await bench.run(wav_of(np.stack([sound, sound]).astype(np.float32), 48_000))).loudness
    assert loudness is not None
    assert loudness.true_peak_dbtp == pytest.approx(-6.0, abs=0.3)


@pytest.mark.parametrize(
    "signal",
    [steps((3.02, -40), (0.03, -6)), steps((0.02, -6)), steps((0.1, -6)), steps((0.15, -40), (0.03, -6))],
    ids=["at the end", "20 ms", "100 ms", "180 ms"],
)
async def test_the_true_peak_is_that_of_all(bench: Bench, signal: NDArray[np.float32]) -> None:
    loudness = (await bench.run(wav_of(signal, 48_000))).loudness
    assert loudness is not None
    assert loudness.true_peak_dbtp == pytest.approx(-6.0, abs=0.1)


@pytest.mark.parametrize("form", ["u8", "s16", "s32p", "fltp", "dbl"])
@pytest.mark.parametrize("count", [1, 4_409, 4_410, 4_411, 8_820, 8_821, 70_000])
def test_the_meter_takes_every_kind_and_length(form: str, count: int) -> None:
    resampler, meter = AudioResampler(form, "stereo", 44_100), Meter()
    steady = np.full((2, count), 0.25, np.float32)
    frame = AudioFrame.from_ndarray(steady, format="fltp", layout="stereo")
    frame.sample_rate = 44_100
    for one in resampler.resample(frame):
        meter.feed(one)
    meter.finish()
    assert meter.measured is not None
    assert meter.measured.true_peak_dbtp == pytest.approx(-12.04, abs=0.1)


async def test_silence_has_a_loudness_too(bench: Bench) -> None:
    loudness = (await bench.run(wav_of(np.zeros((2, 44_100), np.float32), 44_100))).loudness
    assert loudness is not None
    assert (loudness.integrated_lufs, loudness.range_lu, loudness.true_peak_dbtp) == (-70.0, 0.0, -120.0)


def picture(color: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(file, "JPEG")
    return file.getvalue()


def tagged(data: bytes, suffix: str, fields: dict[str, str], cover: bytes | None) -> bytes:
    """The same file with tags in the manner of its format."""
    import mutagen.flac
    import mutagen.id3
    import mutagen.mp4

    file = io.BytesIO(data)
    if suffix == "mp3":
        tags = mutagen.id3.ID3()
        names = {"title": "TIT2", "artist": "TPE1", "genre": "TCON", "year": "TDRC", "bpm": "TBPM", "isrc": "TSRC"}
        for name, frame in names.items():
            tags.add(getattr(mutagen.id3, frame)(encoding=3, text=fields[name]))
        tags.add(mutagen.id3.COMM(encoding=3, lang="eng", desc="", text=fields["comment"]))
        if cover:
            tags.add(mutagen.id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=cover))
        tags.save(file)
    elif suffix == "flac":
        flac = mutagen.flac.FLAC(file)
        for name, value in fields.items():
            flac["date" if name == "year" else name] = value
        if cover:
            front = mutagen.flac.Picture()
            front.type, front.mime, front.data = 3, "image/jpeg", cover
            flac.add_picture(front)
        file.seek(0)
        flac.save(file)
    else:
        mp4 = mutagen.mp4.MP4(file)
        names = {"title": "\xa9nam", "artist": "\xa9ART", "genre": "\xa9gen", "year": "\xa9day", "comment": "\xa9cmt"}
        for name, atom in names.items():
            mp4[atom] = fields[name]
        mp4["tmpo"] = [int(fields["bpm"])]
        mp4["----:com.apple.iTunes:ISRC"] = fields["isrc"].encode()
        if cover:
            mp4["covr"] = [mutagen.mp4.MP4Cover(cover)]
        file.seek(0)
        mp4.save(file)
    return file.getvalue()


FIELDS = {
    "title": "Nacht\u202e\x07fahrt",
    "artist": "Ä" * 2_000,
    "genre": "Ambient",
    "year": "2019-04-01",
    "bpm": "120",
    "isrc": "DEA001900001",
    "comment": "one\n\ntwo",
}
CLEAN = FIELDS | {"title": "Nachtfahrt", "artist": "Ä" * 512, "year": "2019", "comment": "one two"}


@pytest.mark.parametrize(
    ("suffix", "make"),
    [
        ("mp3", lambda: encoded("mp3", "libmp3lame", 1.0)),
        ("flac", lambda: encoded("flac", "flac", 1.0)),
        ("m4a", lambda: encoded("ipod", "aac", 1.0)),
    ],
)
async def test_tags_and_cover(bench: Bench, suffix: str, make: Callable[[], bytes]) -> None:
    cover = picture("red")
    outcome = await bench.run(tagged(make(), suffix, FIELDS, cover))
    assert outcome.analysis is not None
    assert outcome.analysis.tags == CLEAN
    assert outcome.cover is not None
    assert await bench.content(outcome.cover) == cover


async def test_tags_that_take_for_ever_are_left_out(bench: Bench) -> None:
    frames = b"".join(b"TXXX" + struct.pack(">IH", 12, 0) + b"\x03k%05d\0vvvv" % number for number in range(100_000))
    size = len(frames)
    header = b"ID3\x04\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    outcome = await bench.run(header + frames + encoded("mp3", "libmp3lame", 1.0))
    assert outcome.failure is None
    assert len(outcome.renditions) == 4
    assert outcome.analysis is not None
    assert outcome.analysis.tags == {}


def ffmpeg_loudness(data: bytes) -> tuple[float, float]:
    """Integrated loudness and range, by the command line."""
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", "-", "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, input=data, capture_output=True, check=True).stderr.decode()
    summary = said[said.rindex("Summary") :]
    return tuple(float(summary.split(f"{name}:")[1].split()[0]) for name in ("I", "LRA"))  # type: ignore[return-value]  # two


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
async def test_loudness_agrees_with_the_command_line(bench: Bench, channels: int, rate: int) -> None:
    rng = np.random.default_rng(channels)
    envelope = np.repeat(rng.uniform(0.02, 0.4, 24), rate // 2)
    data = wav_of((rng.uniform(-1, 1, (channels, 12 * rate)) * envelope).astype(np.float32), rate)
    try:
        integrated, width = ffmpeg_loudness(data)
    except FileNotFoundError:
        pytest.skip("there is no ffmpeg command here")
    loudness = (await bench.run(data)).loudness
    assert loudness is not None
    assert loudness.integrated_lufs == pytest.approx(integrated, abs=0.1)
    assert loudness.range_lu == pytest.approx(width, abs=0.2)
