"""Writes src/engine/fixtures/operations.json: small cases of single operations with what PyTorch makes of them in float64.

    /usr/bin/python3 pytorch/make_op_fixtures.py

Arrays are flat, in PyTorch's [N, C, H, W] order; `gradient` is what flows back into the output.
"""

import json
import os

import torch
from networks import DNCNN_EPSILON
from torch import nn

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "engine", "fixtures", "operations.json")


def flat(tensor: torch.Tensor) -> list[float]:
    return [float(f"{value:.12g}") for value in tensor.detach().flatten().tolist()]


def case(layer: nn.Module, shape: tuple[int, ...]) -> dict:
    """Forward and backward of one layer in training mode."""
    layer = layer.double().train()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(shape, dtype=torch.float64)
    if isinstance(layer, nn.MaxPool2d):
        x = (2 * x).round() / 2  # many ties
    x.requires_grad_()
    before = {name: flat(value) for name, value in layer.state_dict().items()}
    output = layer(x)
    gradient = torch.randn_like(output)
    output.backward(gradient)
    result = {
        "shape": list(shape),
        "outputShape": list(output.shape),
        "input": flat(x),
        "state": before,
        "output": flat(output),
        "gradient": flat(gradient),
        "inputGradient": flat(x.grad),
        "stateGradients": {name: flat(p.grad) for name, p in layer.named_parameters()},
        "stateAfter": {name: flat(value) for name, value in layer.state_dict().items()},
    }
    if isinstance(layer, nn.BatchNorm2d):
        result["evaluated"] = flat(layer.eval()(x))
    return result


def difference_case(shape: tuple[int, ...]) -> dict:
    """First less second, and the gradients of both."""
    first, second = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(2))
    output = first - second
    gradient = torch.randn_like(output)
    output.backward(gradient)
    return {
        "shape": list(shape),
        "outputShape": list(shape),
        "input": flat(first),
        "state": {"second": flat(second)},
        "output": flat(output),
        "gradient": flat(gradient),
        "inputGradient": flat(first.grad),
        "stateGradients": {"second": flat(second.grad)},
        "stateAfter": {},
    }


def main() -> None:
    torch.manual_seed(1)
    cases = {
        "conv 3x3": case(nn.Conv2d(3, 5, 3, padding=1), (2, 3, 4, 5)),
        "conv 1x1": case(nn.Conv2d(3, 2, 1), (2, 3, 2, 3)),
        "conv 3x3 on one pixel": case(nn.Conv2d(2, 3, 3, padding=1), (3, 2, 1, 1)),
        "upconv": case(nn.ConvTranspose2d(3, 2, 2, stride=2), (2, 3, 2, 3)),
        "batchNorm": case(nn.BatchNorm2d(3), (2, 3, 3, 2)),
        "maxPool": case(nn.MaxPool2d(2), (2, 3, 4, 6)),
        "relu": case(nn.ReLU(), (1, 2, 3, 3)),
        "upsample": case(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), (2, 2, 3, 4)),
        "upsample of one pixel": case(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), (1, 2, 1, 2)),
        "batchNorm of another epsilon": case(nn.BatchNorm2d(3, eps=DNCNN_EPSILON), (2, 3, 2, 2)),
        "subtract": difference_case((2, 3, 2, 3)),
    }
    with open(PATH, "w") as file:
        json.dump(cases, file, separators=(",", ":"))
        file.write("\n")
    print(f"{len(cases)} cases, {os.path.getsize(PATH)} bytes")


if __name__ == "__main__":
    main()
