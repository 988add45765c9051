"""PSNR and SSIM as the lab measures them (src/imaging/metrics.ts), in float64 on the device, for whole batches."""

import torch
from torch.nn.functional import avg_pool2d

C1 = 0.01**2
C2 = 0.03**2
_WINDOW = 3
_SAMPLE = _WINDOW**2 / (_WINDOW**2 - 1)  # the sample covariance, as scikit-image takes it


def psnr_db(test: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """[N, 1, H, W] each, nothing clamped, data range 1 -> [N] in dB; identical images give infinity."""
    squares = (test.double() - reference.double()).square()
    return -10 * torch.log10(squares.mean(dim=(1, 2, 3)))


def ssim(test: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Structural similarity, uniform 3x3 window, data range 1, mean over the image less a 1-pixel border: [N]."""

    def mean(values: torch.Tensor) -> torch.Tensor:
        return avg_pool2d(values, _WINDOW, stride=1)

    x, y = test.double(), reference.double()
    mean_x, mean_y = mean(x), mean(y)
    variance_x = _SAMPLE * (mean(x * x) - mean_x * mean_x)
    variance_y = _SAMPLE * (mean(y * y) - mean_y * mean_y)
    covariance = _SAMPLE * (mean(x * y) - mean_x * mean_y)
    values = ((2 * mean_x * mean_y + C1) * (2 * covariance + C2)) / (
        (mean_x * mean_x + mean_y * mean_y + C1) * (variance_x + variance_y + C2)
    )
    return values.mean(dim=(1, 2, 3))
