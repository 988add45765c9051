"""Records the first steps of a run for replay elsewhere: the `trace/` folder of docs/headless.md."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from processes import Processes
from result_files import write_text, write_weights


class TraceRecorder:
    """Every process calls it at every step; the first one keeps what all of them saw and writes the files."""

    def __init__(self, steps: int, processes: Processes):
        self.steps = steps
        self.processes = processes
        self.losses: list[float] = []
        self.batches: list[tuple[np.ndarray, np.ndarray]] = []
        self.tensors: dict[str, dict[str, torch.Tensor]] = {}

    def wants(self, steps_done: int) -> bool:
        return steps_done < self.steps

    def keep(self, name: str, tensors: dict[str, torch.Tensor]) -> None:
        """`initial`, `gradients` (of step 1) or `final`."""
        if self.processes.is_first and self.steps > 0:
            self.tensors[name] = {key: tensor.detach().cpu().clone() for key, tensor in tensors.items()}

    def step(self, noisy: torch.Tensor, clean: torch.Tensor, loss: float) -> None:
        everybody = self.processes.gather((noisy.cpu().numpy(), clean.cpu().numpy()))
        if not self.processes.is_first:
            return
        self.losses.append(loss)
        self.batches.append(tuple(np.stack(images) for images in zip(*everybody)))

    def write(self, folder: Path) -> None:
        """`batches` are [K, N, 1, H, W], with several replicas [K, replicas, N, 1, H, W].

        Shorter ones are padded with zeros, and `images` [K] or [K, replicas] says how many are real.
        """
        if not self.processes.is_first or not self.losses:
            return
        folder = folder / "trace"
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "losses.json", json.dumps(self.losses) + "\n")
        for name, tensors in self.tensors.items():
            write_weights(folder / f"{name}.safetensors", tensors, {})
        sizes = [noisy.shape[1] for noisy, _ in self.batches]
        stacked = {}
        for which, name in enumerate(("noisy", "clean")):
            replicas, *shape = self.batches[sizes.index(max(sizes))][which].shape
            images = np.zeros((len(sizes), replicas, *shape), np.float32)
            for step, (batch, size) in enumerate(zip(self.batches, sizes)):
                images[step, :, :size] = batch[which]
            stacked[name] = torch.from_numpy(images if self.processes.count > 1 else images[:, 0])
        if min(sizes) < max(sizes):
            images = torch.tensor(sizes, dtype=torch.float32)
            count = self.processes.count
            stacked["images"] = images[:, None].repeat(1, count) if count > 1 else images
        write_weights(folder / "batches.safetensors", stacked, {})
