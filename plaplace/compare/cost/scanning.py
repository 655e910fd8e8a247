"""What the estimates of large scans take from this machine: the table scanning.csv.

unet_gflop             floating-point operations of one forward pass an image, U-Net of 28 x 28 pixels, counted
unet_gflops            of them a second, one thread, batches of 16 images
product_gflops         the same of a float32 matrix product, 1024^3
unet_over_product      the one over the other, in the same turns
pass_over_calls        a probe pass with its statistic, over its network calls alone
read_28, read_512, ..  milliseconds to decode one picture and make a float32 tensor of it, one thread
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from plaplace import memorization, models, noise
from plaplace.compare.rivals.contest import version
from plaplace.compare.rivals.networks import NETWORKS
from plaplace.compare.timing import median_interval, turns

__all__ = ["SIDES", "scanning_rows"]

SIDES = {28: "PNG", 512: "JPEG", 1024: "JPEG"}  # pixels a side -> how it is stored
CALLS = 16  # network calls an image of the probe pass: what `plaplace scan` makes
_IMAGES = 4  # of the probe pass
_SIDE = 1024  # of the matrix product
_PRODUCT = 2 * _SIDE**3 / 1e6  # its operations; over milliseconds that is GFLOP/s

Row = dict[str, Any]


def scanning_rows(repeats: int, progress: Callable[[str, int, int], None]) -> list[Row]:
    """Rows with quantity, value and its 95% interval, unit, and how it was measured.

    Without diffusers, which builds the U-Net, those that need it are left out.
    """
    parts: list[Callable[[int], list[Row]]] = [_reading, _product]
    if version(NETWORKS["unet"].package):
        parts = [_reading, _rates, _pass]
    rows: list[Row] = []
    for done, part in enumerate(parts):
        rows += part(repeats)
        progress("cost of scans", done + 1, len(parts))
    return rows


def _product(repeats: int) -> list[Row]:
    cpu = turns({"product": _multiply()}, repeats, least_ms=50.0)["product"].cpu
    return [_product_row(cpu)]


def _multiply() -> Callable[[], Tensor]:
    a, b = torch.randn(_SIDE, _SIDE), torch.randn(_SIDE, _SIDE)
    return lambda: a @ b


def _product_row(cpu: Sequence[float]) -> Row:
    rates = [_PRODUCT / ms for ms in cpu]
    return _row("product_gflops", rates, "GFLOP/s", "float32, 1024 x 1024 x 1024, one thread")


def _reading(repeats: int) -> list[Row]:
    rows = []
    for side, stored in SIDES.items():
        data = _picture(side, stored)
        cpu = turns({"read": lambda data=data: _read(data)}, repeats)["read"].cpu  # type: ignore[misc]
        rows.append(_row(f"read_{side}", cpu, "ms", f"{stored}, {side} x {side} pixels, {len(data):,} bytes"))
    return rows


def _picture(side: int, stored: str) -> bytes:
    """A made-up picture as smooth as a photograph: noise with a spectrum that falls as 1 / frequency."""
    g = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.fft2(g.standard_normal((3, side, side))) / frequency
    smooth = np.fft.ifft2(spectrum).real
    pixels = np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, stored, **({"quality": 90} if stored == "JPEG" else {}))
    return buffer.getvalue()


def _read(data: bytes) -> Tensor:
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div_(127.5).sub_(1)


def _rates(repeats: int) -> list[Row]:
    network = NETWORKS["unet"]
    score = network.make()
    x = torch.randn(CALLS, *network.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            score(x)
        each = counter.get_total_flops() / len(x) / 1e9
        found = turns({"unet": lambda: score(x), "product": _multiply()}, repeats, least_ms=50.0)
    rates = [1e3 * each * len(x) / ms for ms in found["unet"].cpu]
    shares = [rate * ms / _PRODUCT for rate, ms in zip(rates, found["product"].cpu, strict=True)]
    return [
        _product_row(found["product"].cpu),
        _row("unet_gflop", [each], "GFLOP", "one forward pass an image, counted by torch's FlopCounterMode"),
        _row("unet_gflops", rates, "GFLOP/s", f"batches of {len(x)}, one thread"),
        _row("unet_over_product", shares, "", "in the same turns"),
    ]


def _pass(repeats: int) -> list[Row]:
    network = NETWORKS["unet"]
    score = network.make()
    levels = models.DiscreteLevels(noise.linear(1000))
    model = models.from_score(lambda x, t: score(x), network.shape, levels)
    x = torch.randn(_IMAGES, *network.shape, generator=torch.Generator().manual_seed(0))
    points = torch.randn(_IMAGES * CALLS, *network.shape, generator=torch.Generator().manual_seed(1))
    statistic = memorization.statistics["flux_1"]

    def probed() -> Tensor:
        g = torch.Generator().manual_seed(0)
        return statistic(memorization.probe(model, x, model.levels.level(50), CALLS, g, statistics=["flux_1"]))

    def called() -> Tensor:
        with torch.no_grad():
            return score(points)

    found = turns({"pass": probed, "calls": called}, repeats)
    ratios = [a / b for a, b in zip(found["pass"].cpu, found["calls"].cpu, strict=True)]
    return [_row("pass_over_calls", ratios, "", f"{_IMAGES} images of 28 x 28 pixels, {CALLS} calls each, one thread")]


def _row(quantity: str, values: Sequence[float], unit: str, how: str) -> Row:
    value, low, high = median_interval(values)
    return {"quantity": quantity, "value": value, "low": low, "high": high, "unit": unit, "how": how}
