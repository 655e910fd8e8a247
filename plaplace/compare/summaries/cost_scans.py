"""What scans of a million to a billion images would take: ranges, from assumptions and what the run measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from plaplace.compare.cost.accelerators import ACCELERATORS, MODELS, Accelerator, Model, Range, seconds
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import sig

__all__ = ["CALLS", "IMAGES", "Line", "span", "summarise"]

CALLS = (16, 64, 130)  # an image: the default of a scan, and published settings of 64 and of 128 directions with centre
IMAGES = (10**6, 10**7, 10**8, 10**9)
_UNITS = (("years", 365.25 * 86400), ("days", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


@dataclass(frozen=True)
class Line:
    """One model on one accelerator with so many calls an image; `each` is seconds an image, `readers` cores."""

    model: Model
    accelerator: Accelerator
    calls: int
    each: Range
    readers: Range | None


def summarise(tables: Tables) -> dict[str, Any]:
    """What was measured, what is assumed, and the lines of every model."""
    rows = {row["quantity"]: row for row in tables["scanning"].to_dict("records")}
    measured = {name: Range(float(row["low"]), float(row["high"])) for name, row in rows.items()}
    cores = int(tables.provenance.get("cores") or 1)
    models = {
        name: [
            line
            for accelerator in ACCELERATORS.values()
            for calls in CALLS
            if (line := _line(model, accelerator, calls, measured, cores)) is not None
        ]
        for name, model in MODELS.items()
    }
    lines = {name: found for name, found in models.items() if found}
    return {
        "lines": lines,
        "titles": {name: MODELS[name].title for name in lines},
        "tables": {name: [_cells(line) for line in found] for name, found in lines.items()},
        "measured": [
            [_WHAT.get(name, name), f"{sig(row['value'])} {row['unit'] if row['unit'] == row['unit'] else ''}".strip(),
             f"{sig(row['low'])} to {sig(row['high'])}", row["how"]]
            for name, row in rows.items()
        ],
        "models": [
            [each.title, sig(_gflop(each, measured)), sig(each.encode_gflop), each.source] for each in MODELS.values()
        ],
        "accelerators": [_assumed(each, measured, cores) for each in ACCELERATORS.values()],
        "pass": measured.get("pass_over_calls"),
        "findings": _findings(lines),
    }  # fmt: skip


_WHAT = {
    "product_gflops": "matrix product",
    "unet_gflop": "U-Net, one call an image",
    "unet_gflops": "U-Net, rate",
    "unet_over_product": "U-Net's rate over that of the product",
    "pass_over_calls": "probe pass over its network calls",
    "read_28": "reading a picture of 28 × 28",
    "read_512": "reading a picture of 512 × 512",
    "read_1024": "reading a picture of 1024 × 1024",
}


def _gflop(model: Model, measured: dict[str, Range]) -> float:
    counted = measured.get("unet_gflop")
    return model.gflop if model.gflop is not None else counted.low if counted else math.nan


def _used(model: Model, accelerator: Accelerator, measured: dict[str, Range]) -> Range | None:
    """Utilisation: assumed, or measured on the small network."""
    if model.large:
        return accelerator.large
    if accelerator.small is not None:
        return accelerator.small
    return measured.get("unet_over_product")


def _line(model: Model, accelerator: Accelerator, calls: int, measured: dict[str, Range], cores: int) -> Line | None:
    """None where the run lacks a number that it needs."""
    product, used, work = measured.get("product_gflops"), _used(model, accelerator, measured), _gflop(model, measured)
    peak = accelerator.peak or (math.sqrt(product.low * product.high) / 1e3 if product else None)
    if peak is None or used is None or math.isnan(work):
        return None
    number = accelerator.devices or cores
    devices = Range(number * accelerator.scaling.low, number * accelerator.scaling.high) if number > 1 else Range(1, 1)
    # a pass cannot be cheaper than its calls: less than 1 is the clock's noise
    over = measured.get("pass_over_calls", Range(1.0, 1.0))
    each = seconds(
        calls * work + model.encode_gflop, peak, used, devices, Range(max(1.0, over.low), max(1.0, over.high))
    )
    reading = measured.get(f"read_{model.side}")
    readers = reading.times(each.under(1e-3)) if reading else None
    return Line(model, accelerator, calls, each, readers)


def _cells(line: Line) -> list[object]:
    rate = line.each.under(1.0)
    return [
        line.accelerator.title,
        line.calls,
        f"{sig(rate.low, 2)}–{sig(rate.high, 2)}",
        *(span(line.each.times(number)) for number in IMAGES),
        f"{sig(line.readers.low, 2)}–{sig(line.readers.high, 2)}" if line.readers else "–",
    ]


def _assumed(each: Accelerator, measured: dict[str, Range], cores: int) -> list[object]:
    product = measured.get("product_gflops")
    peak = each.peak or (math.sqrt(product.low * product.high) / 1e3 if product else math.nan)
    number, small = each.devices or cores, _used(MODELS["unet-28"], each, measured)
    scaling = "–" if number == 1 else f"{_percent(each.scaling)}"
    note = "" if each.small else ", measured"
    return [
        each.title,
        each.dtype,
        number,
        sig(peak),
        _percent(each.large),
        _percent(small) + note if small else "–",
        scaling,
        each.source,
    ]


def _percent(share: Range) -> str:
    return f"{sig(100 * share.low, 2)}–{sig(100 * share.high, 2)}%"


def span(time: Range) -> str:
    """A range of seconds, for people, in one unit that both ends can bear.

    >>> span(Range(20.0, 50.0)), span(Range(5400.0, 9000.0)), span(Range(3e9, 9e9))
    ('20–50 s', '1.5–2.5 h', '95–290 years')
    """
    name, unit = next(each for each in _UNITS if time.low >= each[1] or each[0] == "s")
    return f"{_short(time.low / unit)}–{_short(time.high / unit)} {name}"


def _short(value: float) -> str:
    """Two digits, whole numbers plain.

    >>> _short(0.123), _short(9.96), _short(123.4), _short(123456.0)
    ('0.12', '10', '120', '120,000')
    """
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def _findings(lines: dict[str, list[Line]]) -> list[Finding]:
    found = []
    for name, few in (("sd-1.4", "Stable Diffusion 1.4 class"), ("sdxl", "SDXL class")):
        mine = {line.accelerator.title: line for line in lines.get(name, []) if line.calls == CALLS[0]}
        one, eight = mine.get(ACCELERATORS["h100"].title), mine.get(ACCELERATORS["8xh100"].title)
        if one and eight:
            found.append(
                f"{few}: a million images {span(one.each.times(1e6))} on one H100, "
                f"a billion {span(eight.each.times(1e9))} on eight"
            )
    if not found:
        return []
    return [
        Finding(
            f"Estimated, not measured: a scan of {CALLS[0]} calls an image would take, for a model of "
            + "; of ".join(found)
            + ". Assumptions are listed with the tables."
        )
    ]
