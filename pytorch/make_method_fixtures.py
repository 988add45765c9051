"""Writes src/evaluation/methods/fixtures/methods.json: what SciPy, scikit-image and numpy make of a noisy picture.

Run with a Python that has SciPy and scikit-image: /usr/bin/python3 pytorch/make_method_fixtures.py
"""

import base64
import json
from pathlib import Path

import numpy as np
import scipy
import skimage
from scipy.ndimage import gaussian_filter, median_filter
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

OUT = Path(__file__).resolve().parent.parent / "src/evaluation/methods/fixtures/methods.json"
STD = 0.05
PATCH, DISTANCE, H = 5, 6, 0.04


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()


def picture():
    """[37, 40]: a slope, a disc and a stripe, all inside (0.2, 0.8), so that nothing is clipped."""
    y, x = np.mgrid[:37, :40]
    clean = 0.35 + 0.005 * x
    clean[(x - 15) ** 2 + (y - 17) ** 2 < 90] += 0.15
    clean[30:33] -= 0.1
    noisy = clean + np.random.default_rng(3).normal(0, STD, clean.shape)
    return clean.astype(np.float32), noisy.astype(np.float32)


def non_local_means(noisy, first, last, area):
    """Pixel by pixel from the definition: patches from `first` to `last` around a pixel, all weights equal, over `area`."""
    border = PATCH // 2 + DISTANCE + 1
    padded = np.pad(noisy.astype(np.float64), border, mode="reflect")
    out = np.zeros(noisy.shape)

    def patch(y, x):
        return padded[y + first : y + last + 1, x + first : x + last + 1]

    for y in range(noisy.shape[0]):
        for x in range(noisy.shape[1]):
            here = patch(y + border, x + border)
            total = weights = 0.0
            for v in range(y + border - DISTANCE, y + border + DISTANCE + 1):
                for u in range(x + border - DISTANCE, x + border + DISTANCE + 1):
                    excess = max(np.sum((patch(v, u) - here) ** 2 - 2 * STD**2), 0) / (H**2 * area)
                    if excess <= 5:
                        total += np.exp(-excess) * padded[v, u]
                        weights += np.exp(-excess)
            out[y, x] = total / weights
    return out


def check_scikit_image(noisy):
    """scikit-image's fast mode is the same sum over patches that lack their first row and column, with an approximate exp."""
    theirs = denoise_nl_means(noisy.astype(np.float64), PATCH, DISTANCE, H, fast_mode=True, sigma=STD)
    radius = PATCH // 2
    same = non_local_means(noisy, 1 - radius, radius, PATCH**2)
    apart, apart_full = (
        np.abs(theirs - ours).max() for ours in (same, non_local_means(noisy, -radius, radius, PATCH**2))
    )
    # Its exponential is good to some per cent of a weight.
    assert apart < 1e-3 < apart_full, (apart, apart_full)


def main():
    clean, noisy = picture()
    check_scikit_image(noisy)
    exact = noisy.astype(np.float64)
    fixture = {
        "scipy": scipy.__version__,
        "scikitImage": skimage.__version__,
        "width": noisy.shape[1],
        "height": noisy.shape[0],
        "std": STD,
        "clean": encode(clean),
        "noisy": encode(noisy),
        "gaussian": {"pixels": 1.3, "out": encode(gaussian_filter(exact, 1.3))},
        "median": {"side": 5, "out": encode(median_filter(exact, 5))},
        "totalVariation": {"weight": 0.08, "out": encode(denoise_tv_chambolle(exact, 0.08))},
        "wavelet": {
            "out": encode(denoise_wavelet(exact, STD, "sym4", "soft", wavelet_levels=4, method="BayesShrink"))
        },
        "nonLocalMeans": {
            "patch": PATCH,
            "distance": DISTANCE,
            "h": H,
            "out": encode(non_local_means(noisy, -(PATCH // 2), PATCH // 2, PATCH**2)),
        },
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
