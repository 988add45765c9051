"""The processes of a run: one without torchrun, else one a GPU (or a share of the processor), all doing the same steps."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist


class Processes:
    """This process among the others. `with Processes() as processes:` joins and leaves the group."""

    def __init__(self):
        self.rank = int(os.environ.get("RANK", 0))
        self.count = int(os.environ.get("WORLD_SIZE", 1))
        local_rank = int(os.environ.get("LOCAL_RANK", 0))
        on_this_machine = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        self.device = torch.device("cuda", local_rank % gpus) if gpus else torch.device("cpu")
        # Several on one device (or on one processor) share it: no speed-up is to be expected from them.
        self.shared = on_this_machine > max(gpus, 1)
        # NCCL refuses two processes on one GPU.
        self.backend = None if self.count == 1 else "nccl" if gpus and not self.shared else "gloo"

    def __enter__(self) -> Processes:
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        if self.backend is not None:
            dist.init_process_group(self.backend)
        return self

    def __exit__(self, *_: object) -> None:
        if self.backend is not None:
            dist.destroy_process_group()

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The element-wise sum over all processes, in place."""
        if self.backend is not None:
            dist.all_reduce(values)
        return values

    def broadcast(self, values: torch.Tensor) -> None:
        """The first process's values, in place."""
        if self.backend is not None:
            dist.broadcast(values, 0)

    def gather(self, value: object) -> list:
        """Everybody's value, by rank."""
        if self.backend is None:
            return [value]
        values: list = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def device_name(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"

    def adapter(self) -> dict | None:
        """The GPU as `environment.adapter` of result.json names one; null on the processor."""
        if self.device.type != "cuda":
            return None
        properties = torch.cuda.get_device_properties(self.device)
        return {
            "vendor": "amd" if torch.version.hip else "nvidia",
            "architecture": f"sm_{properties.major}{properties.minor}",
            "device": properties.name,
            "description": properties.name,
            "isFallbackAdapter": False,
        }
