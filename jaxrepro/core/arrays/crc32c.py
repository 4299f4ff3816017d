"""The CRC-32C checksum (Castagnoli), fast enough for files of weights, in numpy.

Bytes are checked in many lanes at once; the lanes' checksums are then joined, which is linear
algebra over bits: a checksum followed by n zero bytes is the checksum times a fixed matrix.
"""

import functools

import numpy as np

_POLYNOMIAL = 0x82F63B78
_LANE = 4096
_MASK_DELTA = 0xA282EAD8


def crc32c(data: bytes | bytearray | memoryview | np.ndarray) -> int:
    """Returns the CRC-32C of the bytes, as iSCSI and LevelDB define it (RFC 3720, B.4)."""
    content = np.frombuffer(data, np.uint8)
    num_lanes = len(content) // _LANE
    crc = 0xFFFFFFFF
    if num_lanes:
        lanes = content[: num_lanes * _LANE].reshape(num_lanes, _LANE // 4, 4)
        tables = _shift_tables(_LANE)
        for lane in _lanes(lanes).tolist():
            crc = _apply(tables, crc) ^ lane
    table = _word_tables()[0].tolist()
    for byte in content[num_lanes * _LANE :].tolist():
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """Returns a checksum in the form in which LevelDB stores it next to what it is of."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _lanes(lanes: np.ndarray) -> np.ndarray:
    """Returns uint32 [N]: the register after each lane [N, words, 4 bytes], begun at 0."""
    tables = _word_tables()
    crc = np.zeros(len(lanes), np.uint32)
    # One contiguous row for every word, not one for every lane.
    words = np.ascontiguousarray(lanes.view("<u4")[..., 0].T)
    for word in words:
        crc = crc ^ word
        crc = (
            tables[3][crc & 0xFF]
            ^ tables[2][crc >> 8 & 0xFF]
            ^ tables[1][crc >> 16 & 0xFF]
            ^ tables[0][crc >> 24]
        )
    return crc


@functools.cache
def _word_tables() -> list[np.ndarray]:
    """Returns four tables uint32 [256]: a byte followed by 0, 1, 2 and 3 zero bytes."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = table >> 1 ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    tables = [table]
    for _ in range(3):
        tables.append(table[tables[-1] & 0xFF] ^ tables[-1] >> 8)
    return tables


@functools.cache
def _shift_tables(num_bytes: int) -> list[list[int]]:
    """Returns, for each byte of a register, what `num_bytes` zero bytes make of it."""
    table = _word_tables()[0]
    # Column i of the matrix: what becomes of bit i alone.
    columns = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(num_bytes):
        columns = table[columns & 0xFF] ^ columns >> 8
    tables = []
    for byte in range(4):
        values = np.zeros(256, np.uint32)
        for bit in range(8):
            chosen = np.arange(256) >> bit & 1 == 1
            values[chosen] ^= columns[8 * byte + bit]
        tables.append(values.tolist())
    return tables


def _apply(tables: list[list[int]], crc: int) -> int:
    return (
        tables[0][crc & 0xFF]
        ^ tables[1][crc >> 8 & 0xFF]
        ^ tables[2][crc >> 16 & 0xFF]
        ^ tables[3][crc >> 24]
    )
