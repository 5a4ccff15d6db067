"""Listening: what a player makes of the bytes that it gets."""

import io
from dataclasses import dataclass

import av
import numpy as np


@dataclass(frozen=True)
class Heard:
    """How long it sounds, how loud (root mean square, full scale 1), and its strongest frequency in hertz."""

    seconds: float
    loudness: float
    frequency: float


def listen(data: bytes) -> Heard:
    """Decode all of it."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
        rate = stream.rate
    left = samples[0]
    spectrum = np.abs(np.fft.rfft(left))
    return Heard(
        seconds=len(left) / rate,
        loudness=float(np.sqrt((left**2).mean())),
        frequency=float(spectrum.argmax() * rate / len(left)),
    )
