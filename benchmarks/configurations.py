"""Configurations: how many threads, which vector extensions and which device a recording runs with.

A configuration is a machine to asv, so that its pages set them side by side. Vector extensions are limited by the
libraries' own switches (benchmarks/README.md says which of them act where):

    ATEN_CPU_CAPABILITY         torch's own kernels
    MKL_ENABLE_INSTRUCTIONS     MKL, on Intel; elsewhere without effect
    MKL_CBWR                    MKL; COMPATIBLE is its code for every processor, and acts on matrix products
    ONEDNN_MAX_CPU_ISA          convolutions and, where torch hands them over, float32 products
    OPENBLAS_CORETYPE           matrix products of numpy
    NPY_DISABLE_CPU_FEATURES    numpy's own loops
"""

from dataclasses import dataclass

VECTORS = ("avx512", "avx2", "no-vectors")
_SWITCHES = {
    "avx512": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "no-vectors": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Prescott",
    },
}


@dataclass(frozen=True)
class Configuration:
    """Threads, vector extensions ("avx512", "avx2" or "no-vectors") and device ("cpu" or "cuda").

    >>> Configuration(1, "avx2").name
    '1-thread-avx2'
    """

    threads: int
    vectors: str
    device: str = "cpu"

    @property
    def name(self) -> str:
        if self.device == "cuda":
            return "cuda"
        return f"{self.threads}-thread{'s' if self.threads > 1 else ''}-{self.vectors}"

    def variables(self, numpy_features: list[str]) -> dict[str, str]:
        """What the environment of a process must say; `numpy_features` are those numpy can be told to leave out."""
        number = str(self.threads)
        found = {f"{library}_NUM_THREADS": number for library in ("OMP", "MKL", "OPENBLAS")}
        found |= {"PLAPLACE_BENCH_DEVICE": self.device} | _SWITCHES[self.vectors]
        wide = {"avx512": (), "avx2": ("AVX512", "X86_V4"), "no-vectors": ("",)}[self.vectors]
        left_out = [each for each in numpy_features if wide and each.startswith(wide)]
        return found | ({"NPY_DISABLE_CPU_FEATURES": " ".join(left_out)} if left_out else {})


def defaults(cores: int, flags: set[str], cuda: bool) -> list[Configuration]:
    """The configurations a machine of so many cores with these flags (as in /proc/cpuinfo) is recorded in."""
    widest = "avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else "no-vectors"
    possible = VECTORS[VECTORS.index(widest) :]
    found = [Configuration(2, widest)] if cores > 1 else []
    found += [Configuration(2, "avx2")] if cores > 1 and widest == "avx512" else []
    found += [Configuration(1, each) for each in possible if each != "avx512"]
    return found + ([Configuration(1, widest, "cuda")] if cuda else [])


def chosen(name: str, possible: list[Configuration]) -> list[Configuration]:
    """The configuration of that name, or all for "".

    Raises:
        ValueError: there is none of that name here.
    """
    found = [each for each in possible if name in ("", each.name)]
    if not found:
        raise ValueError(f"CONFIG = {name!r} was given; accepted here are {', '.join(each.name for each in possible)}")
    return found
