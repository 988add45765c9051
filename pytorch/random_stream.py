"""The lab's random numbers in numpy: what src/contracts/random.ts draws, and the order of an epoch that follows from it."""

import numpy as np
from noise import philox4x32

PURPOSE_SHUFFLE = 2
_BLOCKS_AT_ONCE = 4096


class RandomStream:
    """A sequence of uniform 32-bit words for (seed, purpose, index, visit)."""

    def __init__(self, seed: int, purpose: int, index: int = 0, visit: int = 0):
        self.key = (seed, purpose)
        self.index = index
        self.visit = visit
        self.block = 0
        self.words: list[int] = []
        self.used = 0

    def next_uint32(self) -> int:
        """Uniform in [0, 2^32)."""
        if self.used == len(self.words):
            counters = np.zeros((_BLOCKS_AT_ONCE, 4), np.uint32)
            counters[:, 0] = np.arange(self.block, self.block + _BLOCKS_AT_ONCE)
            counters[:, 1] = self.index
            counters[:, 2] = self.visit
            self.words = philox4x32(counters, self.key).reshape(-1).tolist()
            self.block += _BLOCKS_AT_ONCE
            self.used = 0
        self.used += 1
        return self.words[self.used - 1]

    def next_integer(self, bound: int) -> int:
        """Uniform integer in [0, bound); unbiased (rejection)."""
        limit = (1 << 32) - (1 << 32) % bound
        while True:
            value = self.next_uint32()
            if value < limit:
                return value % bound

    def permutation(self, length: int) -> np.ndarray:
        """A permutation of 0 ... length-1 (Fisher-Yates from the end), int64."""
        order = list(range(length))
        for i in range(length - 1, 0, -1):
            j = self.next_integer(i + 1)
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)


def epoch_order(train: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The training images of an epoch (1-based) in the order they are seen: a permutation by (seed, epoch)."""
    return train[RandomStream(seed, PURPOSE_SHUFFLE, 0, epoch).permutation(len(train))]


def shard_of(order: np.ndarray, rank: int, replicas: int) -> np.ndarray:
    """A replica's images of an epoch, as torch.utils.data.DistributedSampler deals them.

    The order is filled up from its beginning until all replicas get equally many; replica r takes places r, r + N, ...
    """
    each = -(-len(order) // replicas)
    return np.resize(order, each * replicas)[rank::replicas]
