"""The noise of noise.py on the device, for whole batches: the same bits, from the same integer arithmetic in int64.

A GPU that trains on hundreds of images a second would wait for numpy on one core.
"""

import numpy as np
import torch
from noise import PURPOSE_NOISE, UNIT, normal_table, quantise

_LOW = 0xFFFFFFFF


def _multiply(values: torch.Tensor, factor: int) -> tuple[torch.Tensor, torch.Tensor]:
    """High and low 32 bits of a product of two 32-bit numbers; no partial product leaves 49 bits."""
    by_high = values * (factor >> 16)
    by_low = values * (factor & 0xFFFF)
    high = (by_high + (by_low >> 16)) >> 16
    low = (((by_high & 0xFFFF) << 16) + by_low) & _LOW
    return high, low


def philox_words(indices: torch.Tensor, visit: int, blocks: int, key: tuple[int, int]) -> torch.Tensor:
    """Philox4x32-10 of the counters (block, index, visit, 0): [N] -> words [N, 4 * blocks], int64."""
    shape = (len(indices), blocks)
    x0 = torch.arange(blocks, device=indices.device).expand(shape)
    x1 = indices[:, None].expand(shape)
    x2 = torch.full(shape, visit, dtype=torch.int64, device=indices.device)
    x3 = torch.zeros_like(x2)
    k0, k1 = key
    for _ in range(10):
        high0, low0 = _multiply(x0, 0xD2511F53)
        high1, low1 = _multiply(x2, 0xCD9E8D57)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0 = (k0 + 0x9E3779B9) & _LOW
        k1 = (k1 + 0xBB67AE85) & _LOW
    return torch.stack([x0, x1, x2, x3], dim=-1).reshape(len(indices), 4 * blocks)


class PairMaker:
    """Makes pairs of noisy and clean images from stored u8 pixels, as src/training/batches.ts does."""

    def __init__(self, noise: dict, seed: int, device: torch.device):
        self.sigma, self.shift = quantise(noise["std"]), quantise(noise["mean"])
        self.key = (seed, PURPOSE_NOISE)
        self.device = device
        self.table = torch.from_numpy(normal_table()).to(device)
        # A table, because CUDA divides by multiplying with the reciprocal, which rounds otherwise.
        levels = np.arange(256, dtype=np.float32) / np.float32(255)
        self.unit_of_level = torch.from_numpy(levels).to(device)
        self.to_unit = torch.tensor(np.float32(1 / UNIT), device=device)

    def pairs(self, pixels: np.ndarray, indices: np.ndarray, visit: int) -> tuple[torch.Tensor, torch.Tensor]:
        """pixels uint8 [N, H, W] and their dataset indices -> noisy, clean, float32 [N, 1, H, W] in [0, 1]."""
        levels = torch.from_numpy(pixels).to(self.device, non_blocking=True).long().unsqueeze(1)
        clean = self.unit_of_level[levels]
        if self.sigma == 0 and self.shift == 0:
            return clean.clone(), clean
        where = torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)
        area = levels[0].numel()
        words = philox_words(where, visit, (area + 3) // 4, self.key)[:, :area].reshape(levels.shape)
        value = (levels << 15) + self.shift + self._scaled(words)
        return value.clamp(0, UNIT).float() * self.to_unit, clean

    def _scaled(self, words: torch.Tensor) -> torch.Tensor:
        """Noise in units of 1/(255 * 2^15) from 32 uniform bits each."""
        u = words & 0x7FFFFFFF
        # The exponent bits of a double: floor(log2(u)), exact; u = 0 gives a negative one, which becomes 0.
        exponent = ((u.double().view(torch.int64) >> 52) - 1023 - 6).clamp_min(0)
        index = exponent * 64 + (u >> exponent)
        fraction = ((u & ((1 << exponent) - 1)) << 16) >> exponent
        high = self.table[index]
        step = high - self.table[(index + 1).clamp_max(len(self.table) - 1)]
        magnitude = high - ((step * fraction + 0x8000) >> 16)
        shift = (magnitude * self.sigma + (1 << 19)) >> 20
        return torch.where(words >> 31 == 1, -shift, shift)
