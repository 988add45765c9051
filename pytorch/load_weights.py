"""Loads a weight file of the lab into PyTorch and says what it holds.

    /usr/bin/python3 pytorch/load_weights.py model.safetensors [state_dict.pth]

With a second file, its state dict is saved there as PyTorch saves one. Needs PyTorch and numpy only. The network is read off the names and shapes, as the lab does it.
"""

import sys

import numpy as np
import torch
from networks import build_network, count_parameters
from tiny_safetensors import read_file
from torch import nn


def load_network(path: str) -> nn.Module:
    """The network with its weights, in evaluation mode. Raises as `load_state_dict` does when names or shapes differ."""
    arrays, _ = read_file(path)
    state = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    if "model.0.weight" in state:
        norm = "last" if "model.3.running_mean" in state else "none"
        network = build_network("dncnn", state["model.0.weight"].shape[0], norm)
    else:
        name, stem = ("unet", "conv1") if "conv1.0.weight" in state else ("unetpp", "conv0_0.block")
        norm = "both" if f"{stem}.1.running_mean" in state else "last"
        network = build_network(name, state[f"{stem}.0.weight"].shape[0], norm)
    network.load_state_dict(state)
    return network.eval()


if __name__ == "__main__":
    loaded = load_network(sys.argv[1])
    total = sum(value.double().sum().item() for value in loaded.state_dict().values())
    if len(sys.argv) > 2:
        torch.save(loaded.state_dict(), sys.argv[2])
    print(f"{type(loaded).__name__} {count_parameters(loaded)} {total:.9g}")
