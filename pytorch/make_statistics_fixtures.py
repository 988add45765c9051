"""Writes src/evaluation/fixtures/statistics.json: quantiles, confidence intervals and paired tests as SciPy gives them.

Run with a Python that has SciPy: /usr/bin/python3 pytorch/make_statistics_fixtures.py
"""
import json
from pathlib import Path

import numpy as np
import scipy
from random_stream import RandomStream
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


class LabDraws(np.random.RandomState):
    """Gives SciPy's bootstrap the lab's own draws (purpose 6 of src/contracts/random.ts)."""

    def __init__(self, seed):
        super().__init__(0)
        self.stream = RandomStream(seed, 6)

    def randint(self, low, high=None, size=None, dtype=int):
        draws = [low + self.stream.next_integer(high - low) for _ in range(int(np.prod(size)))]
        return np.array(draws, dtype).reshape(size)


def bootstrap(values, seed, method):
    found = stats.bootstrap(
        (np.asarray(values),), np.mean, n_resamples=2000, method=method, random_state=LabDraws(seed)
    ).confidence_interval
    return {"low": float(found.low), "high": float(found.high)}


def signed_ranks(differences):
    kept = differences[differences != 0]
    ranks = stats.rankdata(np.abs(kept))
    return float(ranks[kept > 0].sum()), float(ranks[kept < 0].sum())


def paired(name, differences, modes):
    differences = np.asarray(differences, dtype=np.float64)
    t, p = stats.ttest_1samp(differences, 0)
    plus, minus = signed_ranks(differences)
    return {
        "name": name,
        "differences": differences.tolist(),
        "t": float(t),
        "tP": float(p),
        "cohensD": float(differences.mean() / differences.std(ddof=1)),
        "rankPlus": plus,
        "rankMinus": minus,
        "wilcoxon": [
            {
                "distribution": mode,
                "continuity": continuity,
                "p": float(
                    stats.wilcoxon(
                        differences, method={"exact": "exact", "normal": "approx"}[mode], correction=continuity
                    ).pvalue
                ),
            }
            for mode, continuity in modes
        ],
    }


BOTH = [("exact", False), ("normal", False), ("normal", True)]
NORMAL = [("normal", False), ("normal", True)]


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
    skewed = rng.gamma(1.5, 0.4, 40)
    few = rng.normal(0.3, 1, 7)
    fixture["normalTails"] = [
        {"z": z, "p": float(stats.norm.sf(z))} for z in (-3.0, 0.0, 0.5, 1.96, 2.8, 2.9, 5.0, 10.0, 30.0)
    ]
    fixture["normalQuantiles"] = [
        {"probability": p, "z": float(stats.norm.ppf(p))} for p in (0.001, 0.025, 0.5, 0.6, 0.975, 0.9999)
    ]
    fixture["paired"] = [
        paired("few", few, BOTH),
        paired("all on one side", np.abs(few), BOTH),
        paired("fifty", rng.normal(0.05, 1, 50), BOTH),
        paired("a hundred", rng.normal(0.2, 1, 100), NORMAL),
        paired("strong", rng.normal(1.5, 0.4, 400), NORMAL),
        paired("ties and zeros", np.round(rng.normal(0.3, 1, 60) * 2) / 2, NORMAL),
        paired("few with ties", np.array([1, 1, -1, 2, 3, -2, 2, 4, 0, 5]), NORMAL),
    ]
    fixture["bootstraps"] = [
        {"values": values.tolist(), "seed": seed, "method": method, **bootstrap(values, seed, scipy_method)}
        # Long enough that no resample is the sample itself, where the bias would hang on rounding.
        for values, seed in ((skewed, 42), (rng.exponential(2, 25), 7))
        for method, scipy_method in (("percentile", "percentile"), ("bca", "BCa"))
    ]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
