"""Means with 95 % confidence intervals, as src/evaluation/interval.ts: Student's t without SciPy."""

import math


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function by its continued fraction (Lentz's method; Numerical Recipes 6.4)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    factor = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta)
    tiny = 1e-300

    def away(value: float) -> float:
        return tiny if abs(value) < tiny else value

    c = 1.0
    d = 1 / away(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / away(1 + even * d)
        c = away(1 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / away(1 + odd * d)
        c = away(1 + odd / c)
        change = d * c
        fraction *= change
        if abs(change - 1) < 1e-15:
            break
    return factor * fraction / a


def student_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t for 0.5 <= probability < 1: bisection on the distribution function."""

    def cdf(t: float) -> float:
        return 1 - 0.5 * _incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5)

    low, high = 0.0, 1.0
    while cdf(high) < probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if cdf(middle) < probability:
            low = middle
        else:
            high = middle
        if high - low <= 1e-14 * high:
            break
    return (low + high) / 2


def mean_interval(values: list[float]) -> dict[str, float]:
    """Mean and half width of its 95 % interval. Values that are not finite are left out; NaN where it is not defined."""
    finite = [value for value in values if math.isfinite(value)]
    count = len(finite)
    if count == 0:
        return {"mean": math.nan, "ci95": math.nan}
    mean = math.fsum(finite) / count
    if count == 1:
        return {"mean": mean, "ci95": math.nan}
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / (count - 1))
    return {"mean": mean, "ci95": student_quantile(0.975, count - 1) * deviation / math.sqrt(count)}
