"""What a scan of many images would take on named accelerators: arithmetic from a few tables, assumed or cited.

    seconds an image = (calls F + E) / (peak x utilisation x devices x scaling) x (pass over calls)

F floating-point operations of one network call, E those of encoding the image once, peak the dense throughput of the
data sheet for the data type. Each of utilisation, scaling and pass over calls is a range, so the answer is one.
Model sizes were counted by torch's FlopCounterMode on the diffusers classes with the published configurations, on the
meta device; `tests/test_compare_cost_scans.py` counts them again.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACCELERATORS", "MODELS", "Accelerator", "Model", "Range", "seconds"]


@dataclass(frozen=True)
class Range:
    """From low to high."""

    low: float
    high: float

    def times(self, other: Range | float) -> Range:
        """The product of two ranges of positive numbers, or with a number.

        >>> Range(1.0, 2.0).times(Range(3.0, 4.0)), Range(1.0, 2.0).times(2.0)
        (Range(low=3.0, high=8.0), Range(low=2.0, high=4.0))
        """
        factor = other if isinstance(other, Range) else Range(other, other)
        return Range(self.low * factor.low, self.high * factor.high)

    def under(self, work: float) -> Range:
        """`work` divided by it.

        >>> Range(2.0, 4.0).under(8.0)
        Range(low=2.0, high=4.0)
        """
        return Range(work / self.high, work / self.low)


@dataclass(frozen=True)
class Model:
    """A network that is scanned with.

    Attributes:
        title: what it is.
        gflop: of one call for one image; None: as counted in the run.
        encode_gflop: of the autoencoder, once an image.
        side: pixels a side of the images that are read.
        large: whether its operations are large enough to fill an accelerator.
        source: where the numbers are from.
    """

    title: str
    gflop: float | None
    encode_gflop: float
    side: int
    large: bool
    source: str


@dataclass(frozen=True)
class Accelerator:
    """What it runs on.

    Attributes:
        title: its name.
        dtype: in which the network runs.
        peak: TFLOP/s of one device, dense; None: the matrix product measured in the run, one core.
        devices: how many; 0: the cores of the machine of the run.
        large, small: utilisation of the peak by large and by small networks; None: measured in the run.
        scaling: of several devices over as many single ones.
        source: of the peak.
    """

    title: str
    dtype: str
    peak: float | None
    devices: int
    large: Range
    small: Range | None
    scaling: Range
    source: str


_COUNTED = "counted: diffusers {}, configuration as published, one image, meta device"
MODELS = {
    "unet-28": Model("U-Net, 28 × 28 pixels, 0.8 M parameters", None, 0.0, 28, False, "counted and timed in this run"),
    "sd-1.4": Model(
        "Stable Diffusion 1.4 class, 512 × 512 pixels, latents 64 × 64 × 4, 860 M parameters",
        803.3, 1116.7, 512, True, _COUNTED.format("UNet2DConditionModel and AutoencoderKL"),
    ),
    "sdxl": Model(
        "SDXL class, 1024 × 1024 pixels, latents 128 × 128 × 4, 2.6 G parameters",
        6761.2, 4879.0, 1024, True, _COUNTED.format("UNet2DConditionModel and AutoencoderKL"),
    ),
}  # fmt: skip

# published: SDXL, 30 steps with guidance in 4.63 s (bfloat16), 3.31 s (fused attention), 2.54 s (compiled) on an A100,
# which is 60 calls of 6.76 TFLOP: 28%, 39% and 51% of 312 TFLOP/s
_LARGE, _SMALL = Range(0.25, 0.50), Range(0.02, 0.15)
_ONE, _SEVERAL = Range(1.0, 1.0), Range(0.9, 1.0)
_H100 = "NVIDIA data sheet of the H100 SXM: 1,979 TFLOP/s with sparsity, half of it dense"
_A100 = "NVIDIA data sheet of the A100 SXM: 312 TFLOP/s"
_L4 = "NVIDIA data sheet of the L4: 242 TFLOP/s with sparsity, half of it dense"
_CPU = "matrix product, measured in this run"
ACCELERATORS = {
    "h100": Accelerator("H100", "bfloat16", 989.0, 1, _LARGE, _SMALL, _ONE, _H100),
    "8xh100": Accelerator("8 × H100", "bfloat16", 989.0, 8, _LARGE, _SMALL, _SEVERAL, _H100),
    "a100": Accelerator("A100", "bfloat16", 312.0, 1, _LARGE, _SMALL, _ONE, _A100),
    "l4": Accelerator("L4", "bfloat16", 121.0, 1, _LARGE, _SMALL, _ONE, _L4),
    "cpu": Accelerator("this CPU", "float32", None, 0, Range(0.5, 1.0), None, Range(0.8, 1.0), _CPU),
}


def seconds(gflop: float, peak: float, utilisation: Range, devices: Range, overhead: Range) -> Range:
    """Seconds an image.

    Args:
        gflop: of all calls and the encoding.
        peak: TFLOP/s of one device.
        utilisation: of the peak, 0 to 1.
        devices: how many, with the loss of their working side by side.
        overhead: a probe pass over its network calls.

    >>> seconds(1000.0, 1.0, Range(0.25, 0.5), Range(1.0, 1.0), Range(1.0, 1.1))    # 1 TFLOP at 1 TFLOP/s
    Range(low=2.0, high=4.4)
    """
    return utilisation.times(devices).times(1e3 * peak).under(gflop).times(overhead)
