"""A scan from its start to its answer: inputs frozen, manifest written, shards measured, parts judged."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from plaplace.models import Precision, ScoreModel
from plaplace.scan import store
from plaplace.scan.answer import line_of
from plaplace.scan.engines import engine, workers_of
from plaplace.scan.estimate import Estimate, shard_size, warm_up
from plaplace.scan.generating import Generating, condition_of, read_prompts
from plaplace.scan.inputs import STAGES, Inputs, condition_for, freeze_inputs, frozen_inputs
from plaplace.scan.item import Source
from plaplace.scan.line import Line
from plaplace.scan.loading import Loader
from plaplace.scan.manifest import NAME, Manifest, read_manifest, write_manifest
from plaplace.scan.options import Options, Progress
from plaplace.scan.ranks import Ranks, wait_for
from plaplace.scan.scanning import Scanning
from plaplace.scan.settings import Settings, describe
from plaplace.scan.sources import open_source
from plaplace.scan.work import Shard

__all__ = ["Scan"]

GENERATED_TOGETHER = 16  # samples of one shard, and of one call of the network


@dataclass(frozen=True)
class Scan:
    """A scan that is set up: everything that is needed to measure its shards and to judge the parts.

    Attributes:
        options: as asked for.
        settings, manifest, inputs, loader: as settled.
        ranks: which process this is.
        estimate: of the warm-up; None where the work was begun by another session or process.
    """

    options: Options
    settings: Settings
    manifest: Manifest
    inputs: Inputs
    loader: Loader
    ranks: Ranks
    estimate: Estimate | None

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return self.options.out

    @staticmethod
    def prepare(options: Options, progress: Progress) -> Scan:
        """Set a scan up, or take one up again.

        Raises:
            ValueError, FileNotFoundError, ImportError: of the inputs, the model, the options; a folder that holds a
                scan already, or with resume one of another configuration, or none.
        """
        ranks = Ranks.of_environment()
        known = _known(options, ranks)
        loader = Loader(options.model, options.device, _model_options(options))
        model = loader()
        if options.generate:
            _generate(options, loader, model, ranks, progress)
        images = open_source(options.out / "generated" / "parts" if options.images is None else options.images,
                             options.captions)  # fmt: skip
        reference = None if options.reference is None else open_source(options.reference, options.reference_captions)
        settings = Settings.make(
            model,
            torch.device(options.device).type,
            statistics=options.statistics,
            score=options.score,
            levels=options.levels,
            calls=options.calls,
            tolerance=options.tolerance,
            reference=reference is not None,
            condition=condition_for(model, images, reference, options.unconditional),
            seed=options.seed,
            batch=options.batch_size,
            threads=options.threads,
        )
        fixed = {"settings": describe(settings), "model": loader.sha256(), "dtype": options.dtype,
                 "versions": {name: version(name) for name in ("plaplace", "torch")}}  # fmt: skip
        if not ranks.first:
            return _join(options, settings, loader, ranks, images, reference, fixed)
        return _begin(options, settings, loader, model, ranks, images, reference, fixed, known)

    def work(self, stages: Sequence[str]) -> Scanning:
        """What workers do for these stages; with a tolerance the line of the fitted part must be known for others."""
        line = None if self.settings.tolerance is None or "fit" in stages else self.line()
        return Scanning(self.loader, self.settings, self.inputs.sources, self.inputs.indices, line)

    def line(self) -> Line:
        """The reference's line, of the finished stage "fit"."""
        dimension = torch.Size(self.loader().shape).numel()
        return line_of(self.parts("fit"), self.settings.score, dimension)

    def parts(self, stage: str) -> Iterator[pa.Table]:
        """The finished parts of a stage, in order.

        Raises:
            FileNotFoundError: one is missing.
        """
        for shard in self.manifest.shards(stage):
            table = store.read(self.folder, shard, self.manifest.digest)
            if table is None:
                raise FileNotFoundError(
                    f"{store.path_of(self.folder, shard)} is missing or damaged; go on with --resume"
                )
            yield table

    def measure(self, progress: Progress) -> float:
        """Measure what is missing, and wait for what other processes measure; returns the seconds it took."""
        start = time.monotonic()
        if self.settings.tolerance is None:
            self._measure(STAGES, progress)
        else:  # what is near the threshold is known when the line is
            self._measure(("fit",), progress)
            self._measure(("reference", "images"), progress)
        return time.monotonic() - start

    def _measure(self, stages: Sequence[str], progress: Progress) -> None:
        shards = [shard for stage in stages for shard in self.manifest.shards(stage)]
        counts = {stage: self.manifest.counts.get(stage, 0) for stage in stages}
        mine = self.ranks.mine(shards)
        missing = [shard for shard in mine if not self._there(shard)]
        done, failed = Counter(dict.fromkeys(stages, 0)), Counter(dict.fromkeys(stages, 0))

        def note(shard: Shard, bad: int) -> None:
            done[shard.stage] += shard.stop - shard.start
            failed[shard.stage] += bad
            progress(shard.stage, done[shard.stage], counts[shard.stage], failed[shard.stage])

        for shard in set(mine) - set(missing):
            note(shard, 0)
        if missing:
            for shard, table in engine(self.options)(self.work(stages), missing):
                store.commit(self.folder, shard, table, self.manifest.digest)
                note(shard, int((table["reason"].to_numpy() != "").sum()))
        if self.ranks.size > 1 and (self.ranks.first or "images" not in stages):
            for shard in sorted(set(shards) - set(mine)):
                wait_for(
                    partial(_written, self.folder, shard, self.manifest.digest),
                    f"part {shard.number} of {shard.stage!r}",
                    self.folder,
                )
                note(shard, 0)

    def _there(self, shard: Shard) -> bool:
        return store.written(self.folder, shard, self.manifest.digest)


def _known(options: Options, ranks: Ranks) -> Manifest | None:
    """The manifest of the folder, where the scan is to go on; None where one begins."""
    there = (options.out / NAME).exists()
    if options.resume:
        return read_manifest(options.out) if there else None
    if ranks.first and there:
        raise ValueError(f"{options.out} holds a scan already; accepted is another --out, or --resume to go on with it")
    return None


def _model_options(options: Options) -> dict[str, Any]:
    found: dict[str, Any] = {"trust_pickle": True} if options.trust_pickle else {}
    if options.dtype is not None:
        found["precision"] = Precision(dtype=_dtype(options.dtype))
    return found


def _dtype(name: str) -> torch.dtype:
    accepted = {
        "float64": torch.float64,
        "float32": torch.float32,
        "bfloat16": torch.bfloat16,
        "float16": torch.float16,
    }
    if name not in accepted:
        raise ValueError(f"dtype = {name!r} was given; accepted are {', '.join(accepted)}")
    return accepted[name]


def _join(
    options: Options, settings: Settings, loader: Loader, ranks: Ranks, images: Source, reference: Source | None,
    fixed: dict[str, Any],
) -> Scan:  # fmt: skip
    """The scan that the first process has begun."""
    manifest = wait_for(lambda: read_manifest(options.out) if (options.out / NAME).exists() else None,
                        "the manifest", options.out)  # fmt: skip
    described = manifest.scan["inputs"]
    manifest.check({**fixed, "inputs": described}, options.out)
    inputs = frozen_inputs(images, reference, options.out, described)
    return Scan(options, settings, manifest, inputs, loader, ranks, None)


def _begin(
    options: Options, settings: Settings, loader: Loader, model: ScoreModel, ranks: Ranks, images: Source,
    reference: Source | None, fixed: dict[str, Any], known: Manifest | None,
) -> Scan:  # fmt: skip
    """A new scan, or the known one where everything is as it was."""
    if known is not None:
        known.check({**fixed, "inputs": known.scan.get("inputs", {})}, options.out)  # before the images are walked
        now = options.out / "index-now"
        inputs = freeze_inputs(images, reference, now, settings.seed)
        known.check({**fixed, "inputs": inputs.described()}, options.out)
        for index in inputs.indices.values():  # the same, and whole
            os.replace(index.file, options.out / "index" / index.file.name)
        shutil.rmtree(now, ignore_errors=True)
        inputs = frozen_inputs(images, reference, options.out, known.scan["inputs"])
        return Scan(options, settings, known, inputs, loader, ranks, None)
    inputs = freeze_inputs(images, reference, options.out, settings.seed)
    estimate = _estimate(options, settings, loader, model, inputs, ranks)
    size = shard_size(inputs.counts["images"], settings.batch, estimate.seconds_a_batch, estimate.workers)
    names = {"model": loader.name, **{stage: source.name for stage, source in inputs.sources.items()}}
    manifest = Manifest({**fixed, "inputs": inputs.described()}, inputs.counts, size, names)
    write_manifest(manifest, options.out)
    return Scan(options, settings, manifest, inputs, loader, ranks, estimate)


def _estimate(
    options: Options, settings: Settings, loader: Loader, model: ScoreModel, inputs: Inputs, ranks: Ranks
) -> Estimate:
    scanning = Scanning(loader, settings, inputs.sources, inputs.indices)
    entries = inputs.indices["images"].entries(0, min(settings.batch, inputs.counts["images"]))
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        tables = [scanning.batch(model, "images", 0, entries)]
        seconds = warm_up(lambda: tables.append(scanning.batch(model, "images", 0, entries)))
    finally:
        torch.set_num_threads(before)
    calls = int(tables[0]["calls"].to_numpy().max())
    return Estimate(sum(inputs.counts.values()), calls, seconds, len(entries), workers_of(options, ranks))


def _generate(options: Options, loader: Loader, model: ScoreModel, ranks: Ranks, progress: Progress) -> None:
    """Draw the images that are to be scanned, those that are not there yet."""
    prompts = read_prompts(options.prompts)
    work = Generating(loader, options.seed, GENERATED_TOGETHER, options.device, not options.unconditional, prompts)
    condition_of(model, 0, work.conditional, prompts)
    folder = options.out / "generated"
    described = {"count": options.generate, "seed": options.seed, "prompts": list(prompts), "model": loader.sha256(),
                 "unconditional": options.unconditional, "device": options.device, "dtype": options.dtype}  # fmt: skip
    counts = {"generate": options.generate}
    manifest = Manifest(described, counts, GENERATED_TOGETHER, {"model": loader.name})
    if ranks.first:
        if (folder / NAME).exists():
            read_manifest(folder).check(described, folder)
        write_manifest(manifest, folder)
    shards = manifest.shards("generate")
    missing = [shard for shard in ranks.mine(shards) if not store.written(folder, shard, manifest.digest)]
    done = sum(shard.stop - shard.start for shard in ranks.mine(shards)) - sum(s.stop - s.start for s in missing)
    for shard, table in engine(options)(work, missing) if missing else ():
        store.commit(folder, shard, table, manifest.digest)
        done += len(table)
        progress("generate", done, options.generate, 0)
    for shard in shards if ranks.size > 1 else ():
        wait_for(partial(_written, folder, shard, manifest.digest), "a sample", folder)


def _written(folder: Path, shard: Shard, scan: str) -> bool | None:
    return store.written(folder, shard, scan) or None
