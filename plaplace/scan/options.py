"""What a scan is asked for."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from plaplace.scan.settings import PROFILE

__all__ = ["ENGINES", "Options", "Progress"]

ENGINES = ("local", "ray")
Progress = Callable[[str, int, int, int], None]  # stage, images done, images in all, failures


@dataclass(frozen=True)
class Options:
    """Options of `plaplace.scan.run`, which explains them."""

    model: Any
    images: str | Path | None
    out: Path
    reference: str | Path | None = None
    captions: str | Path | None = None
    reference_captions: str | Path | None = None
    generate: int = 0
    prompts: str | Path | None = None
    statistics: Sequence[str] | None = None
    score: str = PROFILE
    levels: Sequence[float] | None = None
    calls: int = 16
    tolerance: float | None = None
    fdr: float = 0.05
    seed: int = 0
    unconditional: bool = False
    engine: str = "local"
    workers: int | None = None
    address: str | None = None
    device: str = "cpu"
    dtype: str | None = None
    threads: int = 1
    batch_size: int | None = None
    resume: bool = False
    trust_pickle: bool = False

    def __post_init__(self) -> None:
        if (self.images is None) == (self.generate == 0):
            given = (
                "neither images nor generate was given"
                if self.images is None
                else "both images and generate were given"
            )
            raise ValueError(f"{given}; accepted is one of them")
        if self.generate < 0:
            raise ValueError(f"generate = {self.generate} was given; it is a number of images > 0")
        if self.engine not in ENGINES:
            raise ValueError(f"engine = {self.engine!r} was given; accepted are {', '.join(map(repr, ENGINES))}")
        if not 0 < self.fdr < 1:
            raise ValueError(f"fdr = {self.fdr} was given; a false discovery rate lies between 0 and 1")
        if self.engine == "local" and (self.workers not in (None, 1) or self.address is not None):
            raise ValueError(
                f"workers = {self.workers}, address = {self.address} were given with the engine 'local', which is this "
                "process; give engine = 'ray', or start the scan under torchrun"
            )
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"out = {self.out} was given; it is a file, accepted is a folder")
        for name in ("images", "reference"):  # the scan's own files must not be found among them
            given = getattr(self, name)
            inside = (
                given is not None and Path(given).is_dir() and self.out.resolve().is_relative_to(Path(given).resolve())
            )
            if inside:
                raise ValueError(f"out = {self.out} lies in {name} = {given}; accepted is a folder outside")
        if self.prompts is not None and not self.generate:
            raise ValueError("prompts were given without generate; captions of images are given as captions")

    def command(self) -> str:
        """The command line that asks for the same.

        >>> Options("m", "pictures", Path("out"), calls=32, unconditional=True).command()
        'plaplace scan --model m --images pictures --out out --calls 32 --unconditional'
        """
        words = ["plaplace", "scan"]
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None or value == each.default or each.name == "resume":
                continue
            if each.name == "model" and not isinstance(value, str | Path):
                value = "MODEL"  # an object in memory
            text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            words += [f"--{each.name.replace('_', '-')}", *([] if value is True else [text])]
        return shlex.join(words)
