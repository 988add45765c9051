"""Replays a headless run's trace in PyTorch and checks its metrics with scikit-image.

usage: python3 pytorch/replay.py RESULT_FOLDER

Reads trace/ (initial weights, batches, gradients, losses, final weights) and images/arrays of the folder, trains the same
network on the same batches, and exits with 1 when a number differs by more than the tolerances below.
"""

import csv
import json
import sys
from pathlib import Path

import numpy
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from networks import build_network
from tiny_safetensors import read_file

LOSS_RTOL = 1e-4  # float32 sums in another order, over K steps
GRADIENT_RTOL = 1e-3  # of the gradient's norm, per tensor
PSNR_ATOL_DB = 1e-3
SSIM_ATOL = 1e-5


def state_dict(path: Path) -> dict:
    return {name: torch.from_numpy(array.copy()) for name, array in read_file(str(path))[0].items()}


def check(what: str, error: float, limit: float) -> bool:
    ok = error <= limit
    print(f"{'ok ' if ok else 'BAD'} {what}: {error:.2e} (limit {limit:.0e})")
    return ok


def replay_trace(folder: Path, config: dict) -> list:
    trace = folder / "trace"
    network = build_network(**config["model"]).train()
    network.load_state_dict(state_dict(trace / "initial.safetensors"))
    training = config["training"]
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=training["learningRate"],
        betas=(training["beta1"], training["beta2"]),
        eps=training["epsilon"],
    )
    criterion = torch.nn.L1Loss() if training["loss"] == "l1" else torch.nn.MSELoss()
    batches = state_dict(trace / "batches.safetensors")
    expected = json.loads((trace / "losses.json").read_text())
    gradients = state_dict(trace / "gradients.safetensors")
    results, worst_loss, worst_gradient = [], 0.0, 0.0
    # Shorter batches are padded with zeros; `images` says how many of each are real.
    sizes = batches.get("images", torch.full((len(expected),), batches["noisy"].shape[1])).int().tolist()
    for step, size in enumerate(sizes):
        noisy, clean = batches["noisy"][step, :size], batches["clean"][step, :size]
        optimizer.zero_grad()
        loss = criterion(network(noisy), clean)
        loss.backward()
        if step == 0:
            total = torch.sqrt(sum((p.grad.double() ** 2).sum() for p in network.parameters())).item()
            for name, parameter in network.named_parameters():
                worst_gradient = max(worst_gradient, (parameter.grad - gradients[name]).norm().item() / total)
        optimizer.step()
        worst_loss = max(worst_loss, abs(loss.item() - expected[step]) / abs(loss.item()))
    results.append(check(f"losses of {len(expected)} steps, relative", worst_loss, LOSS_RTOL))
    results.append(check("gradients of step 1, of their norm", worst_gradient, GRADIENT_RTOL))
    return results


def check_metrics(folder: Path) -> list:
    rows = list(csv.DictReader((folder / "per-image.csv").open()))
    psnr_error = ssim_error = 0.0
    for index, path in enumerate(sorted((folder / "arrays").glob("*_clean.npy"))):
        clean = numpy.load(path)
        for prefix, kind in (("", "denoised"), ("noisy_", "noisy")):
            test = numpy.load(str(path).replace("_clean", f"_{kind}"))
            psnr = peak_signal_noise_ratio(clean, test, data_range=1)
            ssim = structural_similarity(clean, test, data_range=1, win_size=3)
            psnr_error = max(psnr_error, abs(psnr - float(rows[index][f"{prefix}psnr_db"])))
            ssim_error = max(ssim_error, abs(ssim - float(rows[index][f"{prefix}ssim"])))
    return [check("PSNR, dB", psnr_error, PSNR_ATOL_DB), check("SSIM", ssim_error, SSIM_ATOL)]


def check_inference(folder: Path, config: dict) -> list:
    """The exported denoised arrays are what model.safetensors gives in PyTorch."""
    network = build_network(**config["model"]).eval()
    network.load_state_dict(state_dict(folder / "model.safetensors"))
    worst = 0.0
    for path in sorted((folder / "arrays").glob("*_noisy.npy")):
        with torch.no_grad():
            output = network(torch.from_numpy(numpy.load(path))[None, None])[0, 0].numpy()
        worst = max(worst, float(numpy.abs(output - numpy.load(str(path).replace("_noisy", "_denoised"))).max()))
    return [check("denoised images by model.safetensors, absolute", worst, 1e-4)]


def main() -> int:
    folder = Path(sys.argv[1])
    config = json.loads((folder / "result.json").read_text())["config"]
    results = []
    if (folder / "trace").exists():
        results += replay_trace(folder, config)
    if (folder / "arrays").exists():
        results += check_metrics(folder) + check_inference(folder, config)
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
