"""A scan that is set up: what is missing is measured, shard by shard, and what is finished is read back."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from plaplace.scan import store
from plaplace.scan.answer import line_of
from plaplace.scan.engines import engine
from plaplace.scan.estimate import Estimate
from plaplace.scan.inputs import STAGES, Inputs
from plaplace.scan.line import Line
from plaplace.scan.loading import Loader
from plaplace.scan.manifest import Manifest
from plaplace.scan.options import Options, Progress
from plaplace.scan.ranks import Ranks, wait_for
from plaplace.scan.scanning import Scanning
from plaplace.scan.settings import Settings
from plaplace.scan.work import Shard

__all__ = ["Scan"]


@dataclass(frozen=True)
class Scan:
    """Everything that is needed to measure the shards of a scan and to judge its parts; see `setup.prepare`.

    Attributes:
        options: as asked for.
        settings, manifest, inputs, loader: as settled.
        ranks: which process this is.
        estimate: of the warm-up; None where the work was begun by another session or process.
        notes: sentences about the inputs.
    """

    options: Options
    settings: Settings
    manifest: Manifest
    inputs: Inputs
    loader: Loader
    ranks: Ranks
    estimate: Estimate | None
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return self.options.out

    def work(self, stages: Sequence[str]) -> Scanning:
        """What workers do for these stages; with a tolerance the line of the fitted part must be known for others."""
        line = None if self.settings.tolerance is None or "fit" in stages else self.line()
        return Scanning(self.loader, self.settings, self.inputs.sources, self.inputs.indices, line)

    def line(self) -> Line:
        """The reference's line, of the finished stage "fit".

        Raises:
            ValueError: too few of its images have a score.
        """
        return line_of(self.parts("fit"), self.settings.score, math.prod(self.loader().shape))

    def parts(self, stage: str) -> Iterator[pa.Table]:
        """The finished parts of a stage, in order.

        Raises:
            FileNotFoundError: one is missing.
        """
        for shard in self.manifest.shards(stage):
            table = self._read(shard)
            if table is None:
                file = store.path_of(self.folder, shard)
                raise FileNotFoundError(f"{file} is missing or damaged; go on with --resume")
            yield table

    def measure(self, progress: Progress) -> tuple[float, int]:
        """Measure what is missing and wait for other processes; the seconds it took, and images measured in them."""
        start = time.monotonic()
        if self.settings.tolerance is None:
            images = self._measure(STAGES, progress)
        else:  # what is near the threshold is known when the line is
            images = self._measure(("fit",), progress)
            images += self._measure(("reference", "images"), progress)
        return time.monotonic() - start, images

    def _measure(self, stages: Sequence[str], progress: Progress) -> int:
        counts = {stage: self.manifest.counts.get(stage, 0) for stage in stages}
        shards = [shard for stage in stages for shard in self.manifest.shards(stage)]
        done, failed = Counter[str](), Counter[str]()

        def note(shard: Shard, table: pa.Table) -> None:
            done[shard.stage] += len(table)
            failed[shard.stage] += int((table["reason"].to_numpy() != "").sum())
            progress(shard.stage, done[shard.stage], counts[shard.stage], failed[shard.stage])
            if shard.stage == "fit" and done["fit"] == counts["fit"]:
                self.line()  # a reference that cannot be fitted is told before the images are measured

        mine, missing, measured = self.ranks.mine(shards), [], 0
        others = sorted(set(shards) - set(mine))
        waiting = self.ranks.size > 1 and (self.ranks.first or "images" not in stages)
        absent = {shard for shard in others if waiting and self._read(shard) is None}
        for shard in mine:
            table = self._read(shard)
            if table is None:
                missing.append(shard)
            else:
                note(shard, table)
        if missing:
            with closing(engine(self.options)(self.work(stages), missing)) as answers:  # Ray stops with the block
                for shard, table in answers:
                    store.commit(self.folder, shard, table, self.manifest.digest)
                    measured += len(table)
                    note(shard, table)
        for shard in others if waiting else ():
            what = f"part {shard.number} of {shard.stage!r}"
            note(shard, wait_for(partial(self._read, shard), what, self.folder))
        measured += sum(shard.stop - shard.start for shard in absent)
        return measured

    def _read(self, shard: Shard) -> pa.Table | None:
        return store.read(self.folder, shard, self.manifest.digest)
