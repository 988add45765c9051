"""Writes a run's folder as the lab does (docs/headless.md), so that the lab imports it as a run like any other."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path

import numpy as np
import torch
from interval import mean_interval
from tiny_safetensors import write_file

RESULT_SCHEMA_VERSION = 1
SHORT_HASH_LENGTH = 12

EPOCH_COLUMNS = {
    "epoch": "epoch",
    "step": "step",
    "train_loss": "trainLoss",
    "validation_loss": "validationLoss",
    "validation_psnr_db": "validationPsnrDb",
    "validation_ssim": "validationSsim",
    "seconds": "seconds",
    "validation_seconds": "validationSeconds",
}
IMAGE_COLUMNS = ("file", "psnr_db", "ssim", "lpips", "noisy_psnr_db", "noisy_ssim", "noisy_lpips")


def without_nan(value: object) -> object:
    """JSON has no NaN and no infinity: null stands for what is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return value


def write_text(path: Path, text: str) -> None:
    """All or nothing: a job that is killed in the middle leaves the file of the epoch before."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def write_table(path: Path, columns: tuple, rows: list) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    os.replace(partial, path)


def write_weights(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    arrays = {
        name: tensor.detach().cpu().contiguous().numpy().astype(np.int64 if name.endswith("num_batches_tracked") else np.float32)
        for name, tensor in tensors.items()
    }
    partial = path.with_name(f".{path.name}.partial")
    write_file(str(partial), arrays, metadata)
    os.replace(partial, path)


def write_result(folder: Path, result: dict) -> None:
    content = without_nan({"schemaVersion": RESULT_SCHEMA_VERSION, **result})
    write_text(folder / "result.json", json.dumps(content, indent=2) + "\n")


def write_epochs(folder: Path, epochs: list[dict]) -> None:
    write_table(folder / "epochs.csv", tuple(EPOCH_COLUMNS), [[epoch[key] for key in EPOCH_COLUMNS.values()] for epoch in epochs])


def write_steps(folder: Path, losses: list[float], step_ms: list[float]) -> None:
    rows = [[step + 1, loss, ms] for step, (loss, ms) in enumerate(zip(losses, step_ms))]
    write_table(folder / "steps.csv", ("step", "loss", "step_ms"), rows)


def write_images(folder: Path, images: list[dict]) -> None:
    """`per-image.csv` and `test-images.csv`; LPIPS is not measured here, its cells stay empty."""
    metrics, identities = [], []
    for image in images:
        name = image["contentHash"][:SHORT_HASH_LENGTH]
        metrics.append([name, image["psnrDb"], image["ssim"], "", image["noisyPsnrDb"], image["noisySsim"], ""])
        identities.append([image["index"], image["contentHash"]])
    write_table(folder / "per-image.csv", IMAGE_COLUMNS, metrics)
    write_table(folder / "test-images.csv", ("index", "content_hash"), identities)


def summary_of(images: list[dict]) -> dict:
    """`test` of result.json from per-image metrics."""

    def method(psnr: str, ssim: str) -> dict:
        return {
            "psnrDb": mean_interval([image[psnr] for image in images]),
            "ssim": mean_interval([image[ssim] for image in images]),
            "lpips": None,
        }

    return {"count": len(images), "noisy": method("noisyPsnrDb", "noisySsim"), "denoised": method("psnrDb", "ssim")}
