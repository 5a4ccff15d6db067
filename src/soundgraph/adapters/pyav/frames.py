"""Frames of samples as arrays and back, and the channels in them, where PyAV itself would read past the end."""

from typing import Any

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame, format_dtypes
from av.audio.layout import AudioLayout
from av.audio.plane import AudioPlane
from numpy.typing import NDArray

# Every layout of up to eight channels that files are likely to mean; of one count, the first is the likeliest.
NATIVE = (
    *("mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "3.1"),
    *("5.0", "5.0(side)", "4.1", "5.1", "5.1(side)", "6.0", "6.0(front)", "hexagonal"),
    *("6.1", "6.1(back)", "6.1(front)", "7.0", "7.0(front)", "7.1", "7.1(wide)", "7.1(wide-side)", "octagonal"),
)


def samples(frame: AudioFrame) -> NDArray[np.generic]:
    """The samples of a frame in their own type, shape (channels, samples)."""
    channels = frame.layout.nb_channels
    dtype = np.dtype(format_dtypes[frame.format.name])
    if frame.format.is_planar:
        return np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in _planes(frame)])
    (plane,) = _planes(frame)
    packed: NDArray[np.generic] = np.frombuffer(plane, dtype, frame.samples * channels)
    return packed.reshape(-1, channels).T


def rewrapped(array: NDArray[np.generic], frame: AudioFrame, layout: str) -> AudioFrame:
    """A frame like another, of samples of shape (channels, n) in its sample type, and of another layout."""
    wrapped = AudioFrame(frame.format.name, layout, array.shape[1])
    rows = array if frame.format.is_planar else array.T.reshape(1, -1)
    for plane, row in zip(_planes(wrapped), rows, strict=True):
        plane.update(np.ascontiguousarray(row))
    wrapped.sample_rate = frame.sample_rate
    return wrapped


def _planes(frame: AudioFrame) -> list[Any]:
    """Its planes. PyAV looks for the pointer after the last one to be null, and of eight there is none (18.1)."""
    return [AudioPlane(frame, index) for index in range(frame.layout.nb_channels if frame.format.is_planar else 1)]


def settled_order(context: AudioCodecContext) -> tuple[int, ...]:
    """Give channels in an order of the file's own a native layout, before any of them are decoded.

    PyAV shares the map of such a layout with every frame, and each frees it (18.1): the process would abort. Returns
    where in the file each channel of the native layout is, or nothing where it is in its place.
    """
    layout = context.layout
    # What has a name is native. The others cannot be told apart: native ones without a name list their channels too.
    if "channels (" not in layout.name:
        return ()
    found = [channel.name for channel in layout.channels]
    alike = [AudioLayout(name) for name in NATIVE]
    alike = [one for one in alike if one.nb_channels == len(found)]
    native = next((one for one in alike if {channel.name for channel in one.channels} == set(found)), None)
    if native is None:
        context.layout = alike[0] if alike else f"{len(found)} channels"
        return ()
    context.layout = native
    order = tuple(found.index(channel.name) for channel in native.channels)
    return () if order == tuple(range(len(found))) else order


def reordered(frame: AudioFrame, order: tuple[int, ...]) -> AudioFrame:
    """The same frame with its channels in another order; none leaves them as they are."""
    if len(order) != frame.layout.nb_channels:
        return frame
    return rewrapped(samples(frame)[list(order)], frame, frame.layout.name)
