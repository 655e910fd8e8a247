"""Times of one pytest-benchmark run as multiples of ours, by group."""

from itertools import groupby


def printed(benchmarks):
    """A line a contender: milliseconds for all points, and that over the first of ours.

    One after another, not in turns: a slow minute of the machine meets one contender alone. The table of
    `python -m plaplace.compare.rivals` is interleaved and has intervals.
    """
    lines = ["ratios to ours; medians of processor time, scaled to all points"]
    for group, members in groupby(sorted(benchmarks, key=lambda each: each.group), lambda each: each.group):
        found = list(members)
        base = next((_milliseconds(each) for each in found if each.extra_info["role"] == "ours"), None)
        lines.append(f"\n{group}")
        for each in found:
            ratio = f"{_milliseconds(each) / base:9.3g} x ours" if base else ""
            name = f"{each.extra_info['contender']} {each.extra_info['quantity']}"
            lines.append(f"  {each.extra_info['role']:6} {name:45} {_milliseconds(each):10.4g} ms {ratio}")
    return "\n".join(lines)


def _milliseconds(benchmark):
    return benchmark.stats.median * benchmark.extra_info["scale"] * 1e3
