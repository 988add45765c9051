"""Writes small files of torch.save in each of its formats, and one safetensors file of the same state dict, for the reader's tests.

    python3 pytorch/make_pth_fixtures.py

Made with PyTorch 1.13.1 and Python 3.11.
"""

import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from tiny_safetensors import write_file

OUT = Path(__file__).parent.parent / "src/model/pytorch/fixtures"


class Python2Pickler(pickle._Pickler):
    """Writes texts as Python 2 did: LPIPS's heads were saved by it."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_bytestring(self, text):
        data = text.encode()
        self.write(pickle.SHORT_BINSTRING + struct.pack("<B", len(data)) + data)
        self.memoize(text)

    dispatch[str] = save_bytestring


class Python2:
    """Stands in for the module pickle."""

    Pickler = Python2Pickler
    __name__ = "pickle"

    @staticmethod
    def dump(value, file, protocol):
        Python2Pickler(file, protocol).dump(value)


class RunsACommand:
    def __reduce__(self):
        return (os.system, ("echo it ran",))


def state_dict():
    generator = torch.Generator().manual_seed(7)
    base = torch.randn(4, 6, generator=generator)
    tensors = OrderedDict()
    tensors["conv.weight"] = torch.randn(2, 3, 3, 3, generator=generator)
    tensors["conv.bias"] = torch.tensor([0.5, -1.25])
    tensors["transposed"] = base.t()
    tensors["columns"] = base[1:, 2:5]
    tensors["last"] = base[3]
    tensors["channels_last"] = torch.randn(1, 2, 3, 4, generator=generator).contiguous(memory_format=torch.channels_last)
    tensors["half"] = torch.tensor([1.5, -0.333, 65504.0]).half()
    tensors["bfloat"] = torch.tensor([1.5, -0.333, 3e38]).bfloat16()
    tensors["double"] = torch.tensor([[1.0, 2.0 ** -30]], dtype=torch.float64)
    tensors["norm.num_batches_tracked"] = torch.tensor(1234567)
    tensors["scalar"] = torch.tensor(3.25)
    tensors["empty"] = torch.empty(0, 3)
    return tensors


def main():
    OUT.mkdir(exist_ok=True)
    tensors = state_dict()
    wide = {name: tensor.float().contiguous().numpy() for name, tensor in tensors.items()}
    write_file(str(OUT / "expected.safetensors"), wide, {})
    torch.save(tensors, OUT / "zip.pth")
    torch.save(tensors, OUT / "protocol4.pth", pickle_protocol=4)
    torch.save(tensors, OUT / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(tensors, OUT / "python2.pth", pickle_module=Python2, _use_new_zipfile_serialization=False)
    parameters = {name: nn.Parameter(tensor, requires_grad=False) for name, tensor in tensors.items()}
    moments = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999)}]}
    torch.save({"epoch": 3, "loss": 0.25, "model_state_dict": parameters, "optimizer": moments}, OUT / "checkpoint.pth")
    torch.save({"model": {"a": torch.ones(1)}, "ema": {"a": torch.ones(1)}}, OUT / "several.pth")
    torch.save(nn.Linear(2, 1), OUT / "module.pth")
    torch.save({"weights": torch.ones(1), "extra": RunsACommand()}, OUT / "command.pth")
    torch.save({"mask": torch.tensor([True, False])}, OUT / "bool.pth")
    torch.save({"expanded": torch.ones(1).expand(1000, 1000)}, OUT / "expanded.pth")


main()
