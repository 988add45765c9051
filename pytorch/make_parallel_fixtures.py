"""Writes src/training/parallel/fixtures: data-parallel training by PyTorch, for the lab's replicas to be held to.

    /usr/bin/python3 pytorch/make_parallel_fixtures.py        (PyTorch 1.13, two gloo processes; some seconds)

Both runs start from the weights of `unet-l2` and see the batches of `batches.safetensors` in src/engine/fixtures: in step s
rank r sees batch (2s + r) mod 3. Float64, 10 steps of Adam.

`ddp`: `DistributedDataParallel`, three images a rank. `dp`: what `DataParallel` computes, which needs GPUs itself: rank 0 sends
its parameters, rank 1 computes on them, the loss is the mean over all images (three on rank 0, two on rank 1), rank 0 alone
updates and keeps its own BatchNorm buffers.
"""

import json
import os
import socket

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from networks import build_network
from tiny_safetensors import read_file, write_file
from torch import nn
from torch.nn.parallel import DistributedDataParallel

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src")
ENGINE = os.path.join(ROOT, "engine", "fixtures")
FOLDER = os.path.join(ROOT, "training", "parallel", "fixtures")
STEPS, LEARNING_RATE, REPLICAS = 10, 1e-3, 2
IMAGES = {"ddp": (3, 3), "dp": (3, 2)}


def initial_state() -> dict[str, torch.Tensor]:
    tensors, _ = read_file(os.path.join(ENGINE, "unet-l2.safetensors"))
    prefix = "initial/"
    return {k[len(prefix) :]: torch.tensor(v) for k, v in tensors.items() if k.startswith(prefix)}


def batches_of(rank: int, kind: str):
    tensors, _ = read_file(os.path.join(ENGINE, "batches.safetensors"))
    for step in range(STEPS):
        batch = (2 * step + rank) % len(tensors["noisy"])
        yield tuple(
            torch.tensor(tensors[name][batch][: IMAGES[kind][rank], None].astype(np.float64))
            for name in ("noisy", "clean")
        )


def run(rank: int, port: int, kind: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=REPLICAS)
    network = build_network("unet", 1, "last")
    network.load_state_dict(initial_state())
    network.double().train()
    model = DistributedDataParallel(network) if kind == "ddp" else network
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    share = IMAGES[kind][rank] / sum(IMAGES[kind])
    losses, gradients = [], {}
    for noisy, clean in batches_of(rank, kind):
        if kind == "dp":
            for parameter in network.parameters():
                dist.broadcast(parameter.data, 0)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(noisy), clean)
        # DistributedDataParallel takes the mean over ranks by itself.
        (loss if kind == "ddp" else loss * share).backward()
        if kind == "dp":
            for parameter in network.parameters():
                dist.reduce(parameter.grad, 0)
        total = loss.detach() * share
        dist.all_reduce(total)
        losses.append(total.item())
        if not gradients:
            gradients = {name: p.grad.detach().clone() for name, p in network.named_parameters()}
        if kind == "ddp" or rank == 0:
            optimizer.step()
    if rank == 0:
        names = {"gradients": gradients, "final": network.state_dict()}
        tensors = {
            f"{prefix}/{name}": tensor.numpy() if tensor.dtype == torch.int64 else tensor.numpy().astype(np.float32)
            for prefix, state in names.items()
            for name, tensor in state.items()
        }
        about = {"learningRate": LEARNING_RATE, "images": IMAGES[kind], "losses": losses}
        path = os.path.join(FOLDER, f"{kind}.safetensors")
        size = write_file(path, tensors, {"about": json.dumps(about), "order": json.dumps(list(network.state_dict()))})
        print(f"{os.path.normpath(path)}: {size} bytes, losses {losses[0]:.6f} to {losses[-1]:.6f}")
    dist.destroy_process_group()


def main() -> None:
    os.makedirs(FOLDER, exist_ok=True)
    for kind in IMAGES:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        mp.spawn(run, (port, kind), REPLICAS)


if __name__ == "__main__":
    main()
