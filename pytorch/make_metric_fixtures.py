"""Writes src/imaging/fixtures/gaussian_metrics.json: SSIM with the Gaussian window and the mean absolute error by
scikit-image and numpy, MS-SSIM by an implementation on PyTorch's convolutions.

The pictures are made by the same integer recipe here and in src/imaging/gaussianSsim.test.ts, so that the fixture holds
only numbers. Run: python3 pytorch/make_metric_fixtures.py   (needs numpy, scikit-image and torch)
"""

import json
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch.nn.functional import avg_pool2d, conv2d, pad

FIXTURE = Path(__file__).resolve().parent.parent / "src" / "imaging" / "fixtures" / "gaussian_metrics.json"
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# height, width, noise in 1/256; MS-SSIM needs 161 pixels a side
CASES = [(11, 11, 40), (24, 37, 4), (31, 16, 200), (161, 161, 30), (180, 165, 8), (176, 199, 150)]


def picture(height: int, width: int) -> np.ndarray:
    """Two ramps and a checkerboard of 8 pixels, in 1/256."""
    y, x = np.mgrid[0:height, 0:width]
    return (((x * 3 + y * 2) % 160) + 48 * ((x // 8 + y // 8) % 2)).astype(np.int64)


def disturbance(height: int, width: int, amount: int) -> np.ndarray:
    """Integers in [-amount, amount] from a 32-bit multiplicative hash of the pixel's place."""
    place = np.arange(height * width, dtype=np.uint64).reshape(height, width)
    hashed = ((place * 2654435761) % (1 << 32)) >> 16
    return (hashed % (2 * amount + 1)).astype(np.int64) - amount


def gaussian() -> torch.Tensor:
    taps = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    return torch.outer(taps, taps)[None, None]


def similarity(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Mean SSIM and mean contrast-structure over whole windows."""
    window = gaussian()
    mean_x, mean_y = conv2d(x, window), conv2d(y, window)
    variance_x = conv2d(x * x, window) - mean_x**2
    variance_y = conv2d(y * y, window) - mean_y**2
    covariance = conv2d(x * y, window) - mean_x * mean_y
    structure = (2 * covariance + 0.03**2) / (variance_x + variance_y + 0.03**2)
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return float((luminance * structure).mean()), float(structure.mean())


def halve(image: torch.Tensor) -> torch.Tensor:
    """2x2 means; an odd last row or column is mirrored, as in the authors' code."""
    height, width = image.shape[-2:]
    return avg_pool2d(pad(image, (0, width % 2, 0, height % 2), mode="replicate"), 2)


def ms_ssim(test: np.ndarray, reference: np.ndarray) -> float:
    x, y = (torch.from_numpy(image)[None, None] for image in (test, reference))
    product = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale > 0:
            x, y = halve(x), halve(y)
        ssim, structure = similarity(x, y)
        product *= max(ssim if scale == len(SCALE_WEIGHTS) - 1 else structure, 0) ** weight
    return product


def main() -> None:
    cases = []
    for height, width, amount in CASES:
        reference = picture(height, width) / 256
        test = (picture(height, width) + disturbance(height, width, amount)) / 256
        cases.append(
            {
                "height": height,
                "width": width,
                "amount": amount,
                "meanAbsoluteError": float(np.abs(test - reference).mean()),
                "ssim": float(
                    structural_similarity(
                        reference, test, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
                    )
                ),
                "msSsim": ms_ssim(test, reference) if min(height, width) >= 161 else None,
            }
        )
    FIXTURE.write_text(json.dumps({"cases": cases}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
