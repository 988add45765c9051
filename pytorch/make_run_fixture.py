"""Writes src/evaluation/fixtures/pytorch-run: a result folder of train.py, for the lab's import to be held to.

    /usr/bin/python3 pytorch/make_run_fixture.py        (PyTorch 1.13; a few seconds)

Two gloo processes (`ddp:2`) train a U-Net of width 1 on sixteen smooth images made here. `test-pixels.npy` holds the test
images, uint8 [count, 32, 32] in the order of per-image.csv, so that the lab can measure the weights itself.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from networks import build_network, count_parameters
from result_files import write_weights

ROOT = Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "src" / "evaluation" / "fixtures" / "pytorch-run"
SIZE, COUNT = 32, 16
PARTS = ["train", "test", "train", "validation"] * 4
MODEL = {"name": "unet", "width": 1, "norm": "last"}
GFLOPS = 3.87072e-4  # what forwardFlops of the lab says for this network at 32x32, over 1e9
CONFIG = {
    "schemaVersion": 1,
    "mode": "sound",
    "seed": 11,
    "data": {"source": "dataset:smooth", "size": SIZE, "maxImages": None, "split": [0.5, 0.25, 0.25], "splitBy": "patient"},
    "noise": {"mean": 0, "std": 0.1, "draw": "fresh"},
    "model": MODEL,
    "training": {
        "loss": "l1",
        "learningRate": 1e-2,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "batchSize": 2,
        "epochs": 8,
        "maxSteps": None,
        "earlyStoppingPatience": None,
    },
    "engine": {"name": "auto", "precision": "f32", "setup": "ddp:2"},
    "evaluation": {"metrics": ["psnr", "ssim"], "baselines": [], "exportImages": 0},
    "trace": 0,
}


def smooth_images() -> np.ndarray:
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / 16.0
    images = np.zeros((COUNT, SIZE, SIZE))
    for image in images:
        for _ in range(4):
            fy, fx, phase = random.normal(), random.normal(), random.uniform(0, 6.28)
            image += random.uniform(0.3, 1) * np.sin(1.5 * fy * y + 1.5 * fx * x + phase)
        image -= image.min()
        image *= 255 / image.max()
    return np.round(images).astype(np.uint8)


def write_bundle(folder: Path, pixels: np.ndarray) -> None:
    torch.manual_seed(3)
    network = build_network(**MODEL)
    images = [
        {"file": "images/0000.npy", "row": row, "part": part, "patient": f"{row:032x}", "contentHash": sha256(image).hexdigest()}
        for row, (part, image) in enumerate(zip(PARTS, pixels))
    ]
    manifest = {
        "schemaVersion": 1,
        "name": "Smooth images",
        "commit": "unknown",
        "model": {"parameters": count_parameters(network), "forwardGflopsPerImage": GFLOPS},
        "dataset": {"patients": COUNT, "synthetic": True, "fingerprint": "0" * 64},
        "images": images,
    }
    (folder / "images").mkdir()
    np.save(folder / "images" / "0000.npy", pixels)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    write_weights(folder / "initial.safetensors", network.state_dict(), {})


def main() -> None:
    pixels = smooth_images()
    shutil.rmtree(FIXTURE, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(Path(folder), pixels)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
        # Python 3.11 and PyTorch 1.13 (Debian 12) do not start without these two: an enumeration lost its zero.
        command += ["--redirects=2", "--tee=2"]
        command += [str(ROOT / "pytorch" / "train.py"), "--bundle", folder, "--out", str(FIXTURE)]
        subprocess.run(command, check=True)
    np.save(FIXTURE / "test-pixels.npy", pixels[[part == "test" for part in PARTS]])


if __name__ == "__main__":
    main()
