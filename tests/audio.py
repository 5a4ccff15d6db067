"""Audio made to order. Importing this needs the standard library only; `encoded` needs the media extra."""

import io
import math
import struct


def _sample(value: float, bits: int, floating: bool) -> bytes:
    if floating:
        return struct.pack("<f" if bits == 32 else "<d", value)
    if bits == 8:
        return bytes([128 + round(value * 127)])
    return round(value * ((1 << (bits - 1)) - 1)).to_bytes(bits // 8, "little", signed=True)


def tone(seconds: float, rate: int = 44_100, *, frequency: int = 440, amplitude: float = 0.5) -> list[float]:
    """Samples of a sine of a whole number of hertz, full scale 1."""
    step = 2 * math.pi * frequency / rate
    return [amplitude * math.sin(step * index) for index in range(round(seconds * rate))]


def wav_bytes(
    seconds: float,
    rate: int = 44_100,
    channels: int = 2,
    *,
    bits: int = 16,
    floating: bool = False,
    frequency: int = 440,
    amplitude: float = 0.5,
) -> bytes:
    """A WAV file of the same tone in every channel. 8 to 32 bits, or `floating` with 32 or 64."""
    # A whole number of hertz repeats after a second: hours cost no more to compute than that.
    second = b"".join(
        _sample(value, bits, floating) * channels
        for value in tone(min(seconds, 1), rate, frequency=frequency, amplitude=amplitude)
    )
    frame = channels * bits // 8
    size = round(seconds * rate) * frame
    data = (second * math.ceil(size / len(second)))[:size] if size else b""
    head = struct.pack("<HHIIHH", 3 if floating else 1, channels, rate, rate * frame, frame, bits)
    padding = b"\0" * (len(data) % 2)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data + padding
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def encoded(
    container: str,
    codec: str,
    seconds: float = 1.0,
    *,
    rate: int = 44_100,
    layout: str = "stereo",
    frequency: int = 440,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """A file of the same tone in every channel, by FFmpeg's names of container and codec (`ipod`, `aac`)."""
    import av
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream

    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        output.metadata.update(metadata or {})
        stream = output.add_stream(
            codec, rate=rate, layout=layout, options={"strict": "experimental", **(options or {})}
        )
        assert isinstance(stream, AudioStream)
        # A whole number of hertz repeats after a second: hours need no more memory than that.
        wave = (0.5 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)).astype(np.float32)
        total = round(seconds * rate)
        for start in range(0, total, rate):
            part = np.broadcast_to(wave[: total - start], (stream.layout.nb_channels, min(rate, total - start)))
            # PyAV cannot write eight planes.
            frame = AudioFrame.from_ndarray(part.T.reshape(1, -1), format="flt", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()
