"""Figures: percentiles of what was measured, and ratios of what was measured side by side."""

from collections.abc import Sequence
from statistics import median


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The value that `percent` of these, in ascending order, do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """p10, p50, p95 and p99 in milliseconds."""
    ordered = sorted(seconds)
    return {f"p{each}_ms": round(percentile(ordered, each) * 1000, 3) for each in (10, 50, 95, 99)}


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """The median of the rounds with the least and the greatest."""
    return {
        "median": round(median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Ours to theirs, round by round."""
    return spread([one / other for one, other in zip(ours, theirs, strict=True)])
