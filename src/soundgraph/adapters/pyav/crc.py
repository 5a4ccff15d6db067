"""CRC-16/ARC, which LAME's header carries, fast over megabytes: many lanes side by side, joined at the end."""

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0xA001
LANES = 2048
Words = NDArray[np.uint16]


def _table() -> Words:
    table = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ POLYNOMIAL, table >> 1).astype(np.uint16)
    return table


TABLE = _table()


def crc16(data: bytes, crc: int = 0) -> int:
    """The checksum of what gave `crc` so far, followed by `data`."""
    if len(data) < 2:
        return crc >> 8 ^ int(TABLE[(crc ^ data[0]) & 255]) if data else crc
    width = -(-len(data) // LANES)
    # Zeros in front leave a checksum of zero as it is, and what came before is as good as a change of two bytes.
    padded = np.zeros(LANES * width, np.uint8)
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 2] ^= np.array([crc & 255, crc >> 8], np.uint8)
    lanes: list[int] = _fed(np.zeros(LANES, np.uint16), padded.reshape(LANES, width).T).tolist()
    zeros = np.zeros((width, 1), np.uint8)
    low, high = (_fed((np.arange(256) << shift).astype(np.uint16), zeros).tolist() for shift in (0, 8))
    joined = 0
    for lane in lanes:
        joined = low[joined & 255] ^ high[joined >> 8] ^ lane
    return joined


def _fed(crc: Words, columns: NDArray[np.uint8]) -> Words:
    for column in columns:
        crc = crc >> np.uint16(8) ^ TABLE[(crc ^ column) & np.uint16(255)]
    return crc
