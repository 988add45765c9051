"""Writes src/imaging/fixtures/{noise,metrics,npy}.json: what numpy, SciPy and scikit-image answer.

Run: python3 pytorch/make_imaging_fixtures.py   (needs numpy, scipy and scikit-image)
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from scipy.stats import norm
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import noise

FIXTURES = Path(__file__).resolve().parent.parent / "src" / "imaging" / "fixtures"
NOISE_CASES = [
    # seed, index, visit, mean, std, pixels
    (42, 0, 0, 0.0, 0.1, 64),
    (42, 7, 3, 0.1, 0.3, 61),
    (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, -0.25, 1.0, 64),
    (1, 14998, 49, 0.1, 0.0, 16),
    (1, 2, 3, 0.0, 0.0, 256),
]


def encode(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def edge_words() -> np.ndarray:
    """Both signs of every octave's ends and neighbours, and words from all over."""
    ends = [value for k in range(31) for value in (2**k - 1, 2**k, 2**k + 1)] + [2**31 - 1]
    spread = np.random.default_rng(5).integers(0, 2**32, 1000, dtype=np.uint64)
    magnitudes = np.array(sorted(set(ends)), np.uint64)
    return np.concatenate([magnitudes, magnitudes | (1 << 31), spread]).astype(np.uint32)


def noise_fixture() -> dict:
    words = edge_words()
    z = noise.normal_from_bits(words)
    cases = []
    for seed, index, visit, mean, std, count in NOISE_CASES:
        pixels = (np.arange(count) * 37 % 256).astype(np.uint8)
        cases.append(
            {
                "seed": seed,
                "index": index,
                "visit": visit,
                "mean": mean,
                "std": std,
                "pixels": encode(pixels),
                "noisy": encode(noise.add_noise(pixels, mean, std, seed, index, visit).astype("<f4")),
            }
        )
    probabilities = [1e-8, 1e-6, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49, 0.5]
    return {
        "words": encode(words.astype("<u4")),
        "z": encode(z.astype("<i4")),
        "cases": cases,
        "normalQuantiles": [{"p": p, "z": norm.ppf(p)} for p in probabilities],
    }


def metrics_fixture() -> dict:
    rng = np.random.default_rng(11)
    cases = []
    for height, width in [(3, 3), (16, 16), (31, 47)]:
        y, x = np.mgrid[0:height, 0:width]
        reference = (0.5 + 0.4 * np.sin(x / 5) * np.cos(y / 7)).astype(np.float32)
        for amount in [1e-3, 0.1, 0.6]:
            test = (reference + rng.normal(0.02, amount, reference.shape)).astype(np.float32)
            a, b = test.astype(np.float64), reference.astype(np.float64)
            cases.append(
                {
                    "width": width,
                    "height": height,
                    "test": encode(test),
                    "reference": encode(reference),
                    "psnrDb": peak_signal_noise_ratio(b, a, data_range=1),
                    "ssim": structural_similarity(b, a, data_range=1, win_size=3),
                }
            )
    return {"cases": cases}


def npy_fixture() -> dict:
    arrays = [np.linspace(-1, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape) for shape in [(3,), (2, 3), (1, 1, 16, 5)]]
    arrays.append((np.arange(30, dtype=np.uint8) * 8).reshape(2, 3, 5))
    cases = []
    for array in arrays:
        file = io.BytesIO()
        np.save(file, array)
        written = base64.b64encode(file.getvalue()).decode()
        cases.append({"shape": list(array.shape), "dtype": array.dtype.name, "data": encode(array), "file": written})
    return {"cases": cases}


def main() -> None:
    FIXTURES.mkdir(exist_ok=True)
    for name, content in [("noise", noise_fixture()), ("metrics", metrics_fixture()), ("npy", npy_fixture())]:
        (FIXTURES / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
