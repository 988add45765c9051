"""Checks a run of train.py under torchrun against DistributedDataParallel emulated in one process.

usage: python3 pytorch/check_ddp.py BUNDLE RESULT

RESULT is a result folder with a trace of several replicas. Two things are held to what PyTorch documents:
the images of each replica are those that torch.utils.data.DistributedSampler deals from the epoch's order, and training is
that of N copies of the network, each with its own BatchNorm statistics, that step with the mean of their gradients; where
statistics are synchronised, that of one network with all replicas' images.
Exits with 1 when a number differs by more than the tolerances below.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from bundle import Bundle, state_dict_of
from networks import build_network
from random_stream import epoch_order
from torch.utils.data import DistributedSampler

LOSS_RTOL = 1e-6  # float32 sums in another order, over K steps
GRADIENT_RTOL = 1e-5  # of the gradient's norm, per tensor


def check(what: str, error: float, limit: float) -> bool:
    print(f"{'ok ' if error <= limit else 'BAD'} {what}: {error:.2e} (limit {limit:.0e})")
    return error <= limit


def wrong_images(bundle: Bundle, config: dict, clean: torch.Tensor, sizes: list) -> int:
    """How many images of the trace are not those that DistributedSampler deals."""
    steps, replicas, batch_size = clean.shape[:3]
    wrong = step = 0
    epoch = 1
    while step < steps:
        order = epoch_order(bundle.train, config["seed"], epoch)
        shards = [order[list(DistributedSampler(order, replicas, rank, shuffle=False))] for rank in range(replicas)]
        for first in range(0, len(shards[0]), batch_size):
            if step == steps:
                break
            for rank, shard in enumerate(shards):
                expected = bundle.read(shard[first : first + batch_size])
                found = np.round(clean[step, rank, : sizes[step], 0].numpy() * 255)
                wrong += len(expected) != sizes[step] or int((found != expected).any(axis=(1, 2)).sum())
            step += 1
        epoch += 1
    return wrong


def emulated(config: dict, initial: dict, noisy: torch.Tensor, clean: torch.Tensor, sizes: list) -> tuple:
    """Losses of all steps (mean over the replicas) and the mean gradients of the first."""
    if config["engine"].get("batchNorm") == "synchronised":
        replicas = noisy.shape[1]
        most = max(sizes)
        joined = [torch.zeros(len(sizes), 1, replicas * most, *noisy.shape[3:]) for _ in range(2)]
        for whole, parts in zip(joined, (noisy, clean)):
            for step, size in enumerate(sizes):
                whole[step, 0, : replicas * size] = parts[step, :, :size].flatten(0, 1)
        (noisy, clean), sizes = joined, [replicas * size for size in sizes]
    training, replicas = config["training"], noisy.shape[1]
    networks = [build_network(**config["model"]).train() for _ in range(replicas)]
    for network in networks:
        network.load_state_dict(initial)
    adam = {"lr": training["learningRate"], "betas": (training["beta1"], training["beta2"]), "eps": training["epsilon"]}
    optimizers = [torch.optim.Adam(network.parameters(), **adam) for network in networks]
    criterion = torch.nn.L1Loss() if training["loss"] == "l1" else torch.nn.MSELoss()
    losses, gradients = [], {}
    for step, size in enumerate(sizes):
        total = 0.0
        for rank, network in enumerate(networks):
            network.zero_grad()
            loss = criterion(network(noisy[step, rank, :size]), clean[step, rank, :size])
            loss.backward()
            total += loss.item()
        losses.append(total / replicas)
        for parameters in zip(*(network.parameters() for network in networks)):
            mean = sum(parameter.grad for parameter in parameters) / replicas
            for parameter in parameters:
                parameter.grad = mean.clone()
        if step == 0:
            gradients = {name: p.grad.clone() for name, p in networks[0].named_parameters()}
        for optimizer in optimizers:
            optimizer.step()
    return losses, gradients


def main() -> int:
    bundle, result = Bundle(sys.argv[1]), Path(sys.argv[2])
    config = json.loads((result / "result.json").read_text())["config"]
    trace = result / "trace"
    batches = state_dict_of(trace / "batches.safetensors")
    noisy, clean = batches["noisy"], batches["clean"]
    # All replicas have equally many.
    sizes = batches.get("images", torch.full(noisy.shape[:2], noisy.shape[2]))[:, 0].int().tolist()
    expected = json.loads((trace / "losses.json").read_text())
    losses, gradients = emulated(config, state_dict_of(trace / "initial.safetensors"), noisy, clean, sizes)
    norm = torch.sqrt(sum((gradient.double() ** 2).sum() for gradient in gradients.values())).item()
    recorded = state_dict_of(trace / "gradients.safetensors")
    results = [
        check("images not as DistributedSampler deals them", wrong_images(bundle, config, clean, sizes), 0),
        check(f"losses of {len(losses)} steps, relative", max(abs(a / b - 1) for a, b in zip(losses, expected)), LOSS_RTOL),
        check(
            "gradients of step 1, of their norm",
            max((gradient - recorded[name]).norm().item() / norm for name, gradient in gradients.items()),
            GRADIENT_RTOL,
        ),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
