"""Writes the parity fixtures in src/engine/fixtures: what PyTorch computes, for the lab's engines to be held to.

    /usr/bin/python3 pytorch/make_fixtures.py        (PyTorch 1.13; about half a minute)

Each network trains for 20 steps of Adam from the initial weights of its file. The reference run is in float64; the same
run in float32 is recorded too, because no float32 engine can be nearer to float64 than PyTorch's own float32 is.
`batches.safetensors` (shared) holds three batches of three 32 x 48 images, visited in turn: odd, and not square, so that
an exchanged axis shows. Sizes: batches and initial weights lie on the float16 grid and are stored as F16; gradients and
final weights are F32. Width 1 or 2 keeps the whole folder near 700 KB (the U-Net of width 2 is half of it), and still
gives 16 or 32 channels at the bottom. The seeds are those of 25 tried whose float32 run stays nearest to the float64
one: no dead layers, no activation on the edge of a ReLU, so that a difference of an engine is the engine's.
`unet-both` normalises to the edge everywhere, and most seeds have a value there that another order of sums puts on the
other side of its ReLU, which moves losses by up to 1e-3. Its seed is the one of 60 whose losses move least when noise of
3e-7 of its mean magnitude is added to the output of every layer (4e-8), and they stay within 3e-5 at ten times that.
"""

import json
import os
import sys

import numpy as np
import torch
from networks import DnCNN, build_network
from tiny_safetensors import read_file, write_file
from torch import nn

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "engine", "fixtures")
STEPS = 20
LEARNING_RATE = 1e-3
BATCHES, IMAGES, HEIGHT, WIDTH = 3, 3, 32, 48

# name: (model, width, norm, loss, seed, with final weights and their output)
FIXTURES = {
    "unet": ("unet", 2, "last", "l1", 25, True),
    "unetpp": ("unetpp", 1, "last", "l1", 8, True),
    "unet-l2": ("unet", 1, "last", "l2", 8, False),
    "unet-both": ("unet", 1, "both", "l1", 38, False),
    "dncnn": ("dncnn", 3, "last", "l2", 0, True),
    "dncnn-none": ("dncnn", 3, "none", "l1", 11, True),
}


def prepare(network: nn.Module) -> None:
    """Initial weights of DnCNN that make a run comparable; nothing for the others.

    With PyTorch's own, 15 BatchNorms one behind the other make training chaotic: a change of 3e-7 in every layer moves
    losses by 1e-3 within 20 steps. A shift of 1.5 keeps most ReLUs open, and the same change moves them by 1e-6 or less.
    Without BatchNorm the default gradients of the first layers vanish (1e-10); He's initialisation keeps them.
    """
    if not isinstance(network, DnCNN):
        return
    normed = any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.bias, 1.5)
        elif isinstance(layer, nn.Conv2d) and not normed:
            nn.init.kaiming_normal_(layer.weight)


def make_batches() -> tuple[np.ndarray, np.ndarray]:
    """Smooth random images and the same with Gaussian noise, clamped: [batches, images, H, W] on a grid of 1/1024."""
    random = np.random.default_rng(2025)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / 16.0
    clean = np.zeros((BATCHES, IMAGES, HEIGHT, WIDTH))
    for image in clean.reshape(-1, HEIGHT, WIDTH):
        for _ in range(6):
            fy, fx, phase = random.normal(), random.normal(), random.uniform(0, 6.28)
            image += random.uniform(0.3, 1) * np.sin(1.5 * fy * y + 1.5 * fx * x + phase)
        image -= image.min()
        image /= image.max()
    noisy = np.clip(clean + random.normal(0, 0.2, clean.shape), 0, 1)
    return (np.round(array * 1024) / 1024 for array in (noisy, clean))


def train(network: nn.Module, loss_name: str, noisy: np.ndarray, clean: np.ndarray, dtype: torch.dtype):
    """20 steps; the losses before each step and the gradients of the first."""
    network.train().to(dtype)
    criterion = nn.L1Loss() if loss_name == "l1" else nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    losses, gradients = [], {}
    for step in range(STEPS):
        batch = step % BATCHES
        inputs, targets = (torch.tensor(a[batch][:, None], dtype=dtype) for a in (noisy, clean))
        optimizer.zero_grad()
        loss = criterion(network(inputs), targets)
        loss.backward()
        if step == 0:
            gradients = {name: p.grad.detach().clone() for name, p in network.named_parameters()}
        losses.append(loss.item())
        optimizer.step()
    return losses, gradients


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor], skip: set[str]) -> float:
    """Over tensors, the largest |a - b| relative to the tensor's largest |b|."""
    worst = 0.0
    for name, expected in b.items():
        if name in skip or not expected.dtype.is_floating_point:
            continue
        scale = expected.abs().max().item()
        if scale > 0:
            worst = max(worst, (a[name].double() - expected.double()).abs().max().item() / scale)
    return worst


def zero_gradients(state: dict[str, torch.Tensor], norm: str) -> set[str]:
    """Parameters whose first gradient is zero but for rounding, which Adam blows up in float32.

    Biases that BatchNorm subtracts again; and with two BatchNorms the first one's scale where it is a single number,
    which the second divides out again.
    """
    if "model.0.weight" in state:
        # Each BatchNorm lies right behind its convolution.
        normed = [int(name.split(".")[1]) - 1 for name in state if name.endswith(".running_mean")]
        return {f"model.{place}.bias" for place in normed}
    layers = {"last": (".2.bias",), "both": (".0.bias", ".3.bias")}[norm]
    names = {name for name in state if name.endswith(layers)}
    if norm == "both":
        names |= {name for name, tensor in state.items() if name.endswith(".1.weight") and tensor.numel() == 1}
    return names


def to_array(tensor: torch.Tensor, kind: type) -> np.ndarray:
    array = tensor.detach().cpu().numpy()
    return array if array.dtype == np.int64 else array.astype(kind)


def make_fixture(name: str, noisy: np.ndarray, clean: np.ndarray) -> int:
    model, width, norm, loss_name, seed, with_final = FIXTURES[name]
    torch.manual_seed(seed)
    network = build_network(model, width, norm)
    prepare(network)
    initial = {k: v.half().float() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    networks, losses, gradients = {}, {}, {}
    for dtype in (torch.float64, torch.float32):
        copy = build_network(model, width, norm)
        copy.load_state_dict(initial)
        losses[dtype], gradients[dtype] = train(copy, loss_name, noisy, clean, dtype)
        networks[dtype] = copy
    network = networks[torch.float64].eval()
    with torch.no_grad():
        inferred = network(torch.tensor(noisy[0][:, None], dtype=torch.float64))[:, 0]
    skip = zero_gradients(initial, norm)
    means = {k for k in initial if k.endswith("running_mean")}
    final = network.state_dict()
    tensors = {f"initial/{k}": to_array(v, np.float16) for k, v in initial.items()}
    tensors |= {f"gradients/{k}": to_array(v, np.float32) for k, v in gradients[torch.float64].items()}
    if with_final:
        tensors |= {f"final/{k}": to_array(v, np.float32) for k, v in final.items()}
        tensors["inferred"] = to_array(inferred, np.float32)
    about = {
        "model": {"name": model, "width": width, "norm": norm},
        "loss": loss_name,
        "learningRate": LEARNING_RATE,
        "adam": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
        "losses": losses[torch.float64],
        "lossesFloat32": losses[torch.float32],
        "zeroGradients": sorted(skip),
        "float32Error": {
            "losses": max(abs(a - b) / b for a, b in zip(losses[torch.float32], losses[torch.float64])),
            "gradients": largest_difference(gradients[torch.float32], gradients[torch.float64], skip),
            # Biases before BatchNorm drift with rounding and carry the running means along.
            "final": largest_difference(networks[torch.float32].state_dict(), final, skip | means),
        },
        "torch": torch.__version__,
    }
    path = os.path.join(FOLDER, f"{name}.safetensors")
    order = json.dumps(list(initial))  # the order of the state dict, which the file does not keep
    size = write_file(path, tensors, {"about": json.dumps(about), "order": order})
    check_written(path, tensors)
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{name}: {parameters} parameters, {size} bytes, loss {losses[torch.float64][0]:.4f} -> "
          f"{losses[torch.float64][-1]:.4f}, float32 off by {about['float32Error']}")
    return size


def check_written(path: str, tensors: dict[str, np.ndarray]) -> None:
    """Reads the file back and compares every byte."""
    read, _ = read_file(path)
    for name, array in tensors.items():
        if read[name].dtype != array.dtype or not np.array_equal(read[name], array):
            sys.exit(f"{path}: {name} did not survive writing")


def main() -> None:
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    noisy, clean = make_batches()
    batches = {"noisy": noisy.astype(np.float16), "clean": clean.astype(np.float16)}
    path = os.path.join(FOLDER, "batches.safetensors")
    size = write_file(path, batches, {})
    check_written(path, batches)
    for name in FIXTURES:
        size += make_fixture(name, noisy, clean)
    print(f"{size} bytes in all")


if __name__ == "__main__":
    main()
