"""The lab's Gaussian noise in numpy, bit for bit equal to src/imaging/noise.ts (whose docstring states the algorithm).

Integers are held in uint64, so no product overflows; only the last step is a float32 multiplication.
"""

import base64
import re
from functools import lru_cache
from pathlib import Path

import numpy as np

PURPOSE_NOISE = 3
UNIT = 255 << 15
TABLE_SOURCE = Path(__file__).resolve().parent.parent / "src" / "imaging" / "normalTable.ts"

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox4x32(counters: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10. counters [N, 4] -> words [N, 4], both uint32 values."""
    x0, x1, x2, x3 = (counters[:, i].astype(np.uint64) for i in range(4))
    k0, k1 = np.uint64(key[0]), np.uint64(key[1])
    for _ in range(10):
        product0 = x0 * np.uint64(0xD2511F53)
        product1 = x2 * np.uint64(0xCD9E8D57)
        x0, x1, x2, x3 = (
            (product1 >> _32) ^ x1 ^ k0,
            product1 & _LOW,
            (product0 >> _32) ^ x3 ^ k1,
            product0 & _LOW,
        )
        k0 = (k0 + np.uint64(0x9E3779B9)) & _LOW
        k1 = (k1 + np.uint64(0xBB67AE85)) & _LOW
    return np.stack([x0, x1, x2, x3], axis=1).astype(np.uint32)


@lru_cache(maxsize=1)
def normal_table() -> np.ndarray:
    """The 1665 half-normal quantiles (units of 2^-20) that the lab ships."""
    body = TABLE_SOURCE.read_text(encoding="utf-8").split("QUANTILES = [")[1].split("]")[0]
    packed = base64.b64decode("".join(re.findall(r'"([^"]*)"', body)))
    digits = np.frombuffer(packed, np.uint8).reshape(-1, 3).astype(np.int64)
    return digits @ np.array([1, 1 << 8, 1 << 16])


def normal_from_bits(words: np.ndarray) -> np.ndarray:
    """Standard normal numbers in units of 2^-20 (int64) from 32 uniform bits each."""
    table = normal_table()
    words = words.astype(np.int64)
    u = words & 0x7FFFFFFF
    exponent = np.maximum(np.floor(np.log2(np.maximum(u, 1))).astype(np.int64) - 6, 0)
    index = exponent * 64 + (u >> exponent)
    remainder = u & ((1 << exponent) - 1)
    # 16 bits of the remainder interpolate between this break point and the next.
    fraction = (remainder << 16) >> exponent
    high = table[index]
    step = high - table[np.minimum(index + 1, len(table) - 1)]
    magnitude = high - ((step * fraction + 0x8000) >> 16)
    return np.where(words >> 31 == 1, -magnitude, magnitude)


def quantise(brightness: float) -> int:
    """Brightness in units of 1/(255 * 2^15), rounded half up."""
    return int(np.floor(np.float64(brightness) * UNIT + 0.5))


def add_noise(pixels: np.ndarray, mean: float, std: float, seed: int, index: int, visit: int) -> np.ndarray:
    """pixels (uint8, any shape) / 255 + N(mean, std), clamped to [0, 1], as float32 of the same shape."""
    sigma, shift = quantise(std), quantise(mean)
    if sigma == 0 and shift == 0:
        return pixels.astype(np.float32) / np.float32(255)
    blocks = (pixels.size + 3) // 4
    counters = np.zeros((blocks, 4), np.uint32)
    counters[:, 0] = np.arange(blocks)
    counters[:, 1] = index
    counters[:, 2] = visit
    words = philox4x32(counters, (seed, PURPOSE_NOISE)).reshape(-1)[: pixels.size]
    z = normal_from_bits(words)
    noise = np.sign(z) * ((np.abs(z) * sigma + (1 << 19)) >> 20)
    value = np.clip(pixels.reshape(-1).astype(np.int64) * (1 << 15) + shift + noise, 0, UNIT)
    to_unit = np.float32(1 / UNIT)
    return (value.astype(np.float32) * to_unit).reshape(pixels.shape)
