"""Writes src/evaluation/fixtures/statistics.json: quantiles of Student's t and confidence intervals as SciPy gives them.

Run with a Python that has SciPy: /usr/bin/python3 pytorch/make_statistics_fixtures.py
"""
import json
from pathlib import Path

import numpy as np
import scipy
from scipy import optimize, stats

OUT = Path(__file__).resolve().parent.parent / "src/evaluation/fixtures/statistics.json"


def quantile(p, n):
    """The root of SciPy's distribution function: `stats.t.ppf` of SciPy 1.10 itself is only good to about 4e-9."""
    if p == 0.5:
        return 0.0
    return optimize.brentq(lambda t: stats.t.cdf(t, n) - p, 0, 100, xtol=1e-15, rtol=1e-15)


def interval(values):
    values = np.asarray(values, dtype=np.float64)
    half = quantile(0.975, len(values) - 1) * stats.sem(values)
    return {"values": values.tolist(), "mean": values.mean(), "ci95": half}


def main():
    rng = np.random.default_rng(42)
    degrees = [1, 2, 3, 4, 5, 7, 10, 15, 29, 30, 63, 100, 333, 1000, 2550, 100000]
    fixture = {
        "scipy": scipy.__version__,
        "quantiles": [
            {"probability": p, "degrees": n, "t": quantile(p, n)}
            for p in (0.5, 0.9, 0.975, 0.995)
            for n in degrees
        ],
        "intervals": [
            interval([34.1, 35.2]),
            interval(rng.normal(34.95, 1.0, 7)),
            interval(rng.normal(0.9168, 0.02, 50)),
            interval(1e6 + rng.normal(0, 1e-3, 20)),
        ],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
