"""The lab's denoisers in PyTorch, with the state-dict names that the lab reads and writes.

Weights move between the two without conversion:

    network = UNet(width=8)
    network.load_state_dict(safetensors.torch.load_file("model.safetensors"))

U-Net and U-Net++: `norm="last"`: conv, ReLU, conv, BatchNorm, ReLU (indices .0 .2 .3 carry parameters);
`norm="both"`: conv, BatchNorm, ReLU, conv, BatchNorm, ReLU (indices .0 .1 .3 .4).
DnCNN: see there.
"""

import torch
from torch import nn

LEVELS = 5
DNCNN_CONVOLUTIONS = 17
DNCNN_EPSILON = 1e-4  # of KAIR's BatchNorm


def block_layers(inputs: int, outputs: int, norm: str) -> nn.Sequential:
    """Two 3x3 convolutions, padding 1. [N, inputs, H, W] -> [N, outputs, H, W]."""
    if norm == "both":
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )
    if norm != "last":
        raise ValueError(f"norm {norm!r} is neither 'last' nor 'both'")
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """Five levels; down by 2x2 maximum, up by transposed convolution; skips in front of what comes up."""

    def __init__(self, width: int = 64, norm: str = "last"):
        super().__init__()
        channels = [width * 2**level for level in range(LEVELS)]
        for level in range(LEVELS):
            inputs = 1 if level == 0 else channels[level - 1]
            setattr(self, f"conv{level + 1}", block_layers(inputs, channels[level], norm))
        for step in range(6, 10):
            level = 9 - step
            setattr(self, f"upconv{step}", nn.ConvTranspose2d(channels[level + 1], channels[level], 2, stride=2))
            setattr(self, f"conv{step}", block_layers(2 * channels[level], channels[level], norm))
        self.final_conv = nn.Conv2d(width, 1, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level in range(LEVELS):
            x = getattr(self, f"conv{level + 1}")(x if level == 0 else self.pool(x))
            skips.append(x)
        for step in range(6, 10):
            up = getattr(self, f"upconv{step}")(x)
            x = getattr(self, f"conv{step}")(torch.cat([skips[9 - step], up], dim=1))
        return self.final_conv(x)


class Block(nn.Module):
    """A U-Net++ node: gives its layers the name `block`."""

    def __init__(self, inputs: int, outputs: int, norm: str):
        super().__init__()
        self.block = block_layers(inputs, outputs, norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x)


class UNetPlusPlus(nn.Module):
    """Nodes X(i, j) = block(concat[X(i, 0) ... X(i, j-1), up(X(i+1, j-1))]); one head on X(0, 4)."""

    def __init__(self, width: int = 64, norm: str = "last"):
        super().__init__()
        channels = [width * 2**level for level in range(LEVELS)]
        for level in range(LEVELS):
            inputs = 1 if level == 0 else channels[level - 1]
            setattr(self, f"conv{level}_0", Block(inputs, channels[level], norm))
        for column in range(1, LEVELS):
            for level in range(LEVELS - column):
                inputs = column * channels[level] + channels[level + 1]
                setattr(self, f"conv{level}_{column}", Block(inputs, channels[level], norm))
        self.final = nn.Conv2d(width, 1, 1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows: list[list[torch.Tensor]] = []
        for level in range(LEVELS):
            x = getattr(self, f"conv{level}_0")(x if level == 0 else self.pool(x))
            rows.append([x])
        for column in range(1, LEVELS):
            for level in range(LEVELS - column):
                joined = torch.cat([*rows[level], self.up(rows[level + 1][column - 1])], dim=1)
                rows[level].append(getattr(self, f"conv{level}_{column}")(joined))
        return self.final(rows[0][LEVELS - 1])


class DnCNN(nn.Module):
    """17 convolutions 3x3 at full size that estimate the noise, which is subtracted (Zhang et al. 2017).

    `norm="last"`: BatchNorm between each of the 15 inner convolutions and its ReLU; `norm="none"`: no BatchNorm.
    Names are those of KAIR's DnCNN with act_mode "BR" and "R". Its BatchNorm has epsilon 1e-4; its momentum of 0.9 only
    matters in training, where this has PyTorch's 0.1.
    """

    def __init__(self, width: int = 64, norm: str = "last"):
        super().__init__()
        if norm not in ("last", "none"):
            raise ValueError(f"norm {norm!r} is neither 'last' nor 'none'")
        layers = [nn.Conv2d(1, width, 3, padding=1), nn.ReLU()]
        for _ in range(DNCNN_CONVOLUTIONS - 2):
            layers.append(nn.Conv2d(width, width, 3, padding=1))
            if norm == "last":
                layers.append(nn.BatchNorm2d(width, eps=DNCNN_EPSILON))
            layers.append(nn.ReLU())
        layers.append(nn.Conv2d(width, 1, 3, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - self.model(x)


def build_network(name: str, width: int, norm: str = "last") -> nn.Module:
    """`unet`, `unetpp` or `dncnn`, as the `model` part of a run config names them."""
    if name == "unet":
        return UNet(width, norm)
    if name == "unetpp":
        return UNetPlusPlus(width, norm)
    if name == "dncnn":
        return DnCNN(width, norm)
    raise ValueError(f"model {name!r} is none of 'unet', 'unetpp' and 'dncnn'")


def count_parameters(network: nn.Module) -> int:
    """Trainable numbers; BatchNorm's running statistics are not among them."""
    return sum(parameter.numel() for parameter in network.parameters())
