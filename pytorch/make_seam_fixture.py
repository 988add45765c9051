"""Writes src/evaluation/fixtures/trained-unet-w2.safetensors: a U-Net of width 2 trained for a minute on drawn ellipses.

A trained network looks farther around a pixel than a fresh one, so it is the honest one to measure seams of tiles with.
Run: /usr/bin/python3 pytorch/make_seam_fixture.py
"""
from pathlib import Path

import torch

from networks import build_network
from tiny_safetensors import write_file

OUT = Path(__file__).resolve().parent.parent / "src/evaluation/fixtures/trained-unet-w2.safetensors"
SIZE = 96
STEPS = 800
BATCH = 8


def ellipses(count: int, generator: torch.Generator) -> torch.Tensor:
    """[count, 1, SIZE, SIZE] in [0, 1]: a gradient with twelve soft ellipses of random place, shape and brightness."""
    axis = torch.linspace(-1, 1, SIZE)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    images = []
    for _ in range(count):
        slope = torch.rand(2, generator=generator) - 0.5
        image = 0.4 + 0.3 * (slope[0] * x + slope[1] * y)
        for cx, cy, rx, ry, level in torch.rand(12, 5, generator=generator).tolist():
            distance = ((x - 2 * cx + 1) / (0.05 + 0.5 * rx)) ** 2 + ((y - 2 * cy + 1) / (0.05 + 0.5 * ry)) ** 2
            image = image + 0.5 * (level - 0.5) * torch.sigmoid(8 * (1 - distance))
        images.append(image.clamp(0, 1))
    return torch.stack(images)[:, None]


def main() -> None:
    torch.manual_seed(7)
    generator = torch.Generator().manual_seed(7)
    clean = ellipses(200, generator)
    network = build_network("unet", 2)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for step in range(STEPS):
        batch = clean[torch.randint(len(clean), (BATCH,), generator=generator)]
        noisy = (batch + 0.1 * torch.randn(batch.shape, generator=generator)).clamp(0, 1)
        loss = (network(noisy) - batch).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 0:
            print(step, float(loss))
    tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    write_file(str(OUT), tensors, {"trained": "drawn ellipses, noise 0.1"})


if __name__ == "__main__":
    main()
