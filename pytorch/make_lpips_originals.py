"""Writes the two published files of an LPIPS network, as torchvision and LPIPS' authors lay them out, from the lab's one file.

    python3 pytorch/make_lpips_originals.py lpips_alex.safetensors FOLDER

The tests of `npm run get-lpips` serve them: torchvision's as a zip with a classifier (of nothing here), the heads in the
format of PyTorch before 1.6. Needs PyTorch and numpy.
"""

import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from tiny_safetensors import read_file

ALEX = {"conv1": 0, "conv2": 3, "conv3": 6, "conv4": 8, "conv5": 10}


def original(name: str, network: str) -> str:
    module, *rest = name.split(".")
    if module.startswith("lin"):
        return f"{module}.model.1.weight"
    index = module[4:] if module.startswith("fire") else ALEX[module] if network == "alex" else 0
    return f"features.{index}.{'.'.join(rest)}"


def main(path: str, folder: str) -> None:
    arrays, _ = read_file(path)
    network = "squeeze" if "fire3.squeeze.weight" in arrays else "alex"
    backbone, heads = OrderedDict(), OrderedDict()
    for name, array in arrays.items():
        if name in ("shift", "scale"):
            continue
        tensor = torch.from_numpy(np.array(array))
        if name.startswith("lin"):
            heads[original(name, network)] = tensor.reshape(1, -1, 1, 1)
        else:
            backbone[original(name, network)] = tensor
    backbone["classifier.1.weight"] = torch.zeros(1000, 512)
    torch.save(backbone, Path(folder) / "backbone.pth")
    torch.save(heads, Path(folder) / "heads.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
