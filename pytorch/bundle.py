"""Reads a bundle that the lab wrote with "Export for PyTorch": config, images and their split, initial weights.

    config.json           the run config, as the lab reads and writes it (src/contracts/runConfig.ts)
    manifest.json         the images in their order: part, hashed patient, content hash, and where their pixels are
    images/*.npy          grey levels exactly as the lab holds them, uint8 [count, size, size] each
    initial.safetensors   the weights before the first step
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from tiny_safetensors import read_file

CONFIG_SCHEMA_VERSION = 1
MANIFEST_SCHEMA_VERSION = 1
PARTS = ("train", "validation", "test")


class Refusal(Exception):
    """Bad options or data, in one sentence that says how to mend it."""


def read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refusal(f"{path} is missing: give the folder of an unpacked bundle with --bundle.") from None
    except ValueError as error:
        raise Refusal(f"{path} is not JSON ({error}): export the bundle again.") from None


def state_dict_of(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file."""
    return {name: torch.from_numpy(array.copy()) for name, array in read_file(str(path))[0].items()}


class Bundle:
    """An unpacked bundle. Pixels stay on disk, memory-mapped, until they are asked for."""

    def __init__(self, folder: str):
        self.folder = Path(folder)
        self.config = read_json(self.folder / "config.json")
        self.manifest = read_json(self.folder / "manifest.json")
        for what, found, known in (
            ("config.json", self.config.get("schemaVersion"), CONFIG_SCHEMA_VERSION),
            ("manifest.json", self.manifest.get("schemaVersion"), MANIFEST_SCHEMA_VERSION),
        ):
            if found != known:
                raise Refusal(f"{what} has schema version {found}, these scripts read {known}: use those of the bundle.")
        self.size: int = self.config["data"]["size"]
        self.images: list[dict] = self.manifest["images"]
        parts = np.array([PARTS.index(image["part"]) for image in self.images])
        self.train, self.validation, self.test = (np.flatnonzero(parts == part) for part in range(len(PARTS)))
        if min(len(self.train), len(self.validation), len(self.test)) == 0:
            raise Refusal("manifest.json leaves training, validation or test without an image: export the bundle again.")
        self._shards: dict[str, np.ndarray] = {}

    def initial_weights(self) -> dict[str, torch.Tensor]:
        return state_dict_of(self.folder / "initial.safetensors")

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Images by dataset index, in the order asked: uint8 [len(indices), size, size]."""
        pixels = np.empty((len(indices), self.size, self.size), np.uint8)
        for place, index in enumerate(indices):
            image = self.images[index]
            pixels[place] = self._shard(image["file"])[image["row"]]
        return pixels

    def _shard(self, file: str) -> np.ndarray:
        if file not in self._shards:
            path = self.folder / file
            try:
                shard = np.load(path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError) as error:
                raise Refusal(f"{path} cannot be read ({error}): unpack the bundle again.") from None
            if shard.dtype != np.uint8 or shard.shape[1:] != (self.size, self.size):
                raise Refusal(f"{path} holds {shard.dtype} {shard.shape}, not uint8 images of {self.size}x{self.size}.")
            self._shards[file] = shard
        return self._shards[file]
