"""How a scan begins: inputs frozen, cost estimated, manifest written; or taken up where everything is as it was."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from plaplace.extras import require
from plaplace.models import Precision, ScoreModel
from plaplace.scan.drawing import draw_images
from plaplace.scan.engines import workers_of
from plaplace.scan.estimate import Estimate, shard_size, warm_up
from plaplace.scan.inputs import Inputs, condition_for, freeze_inputs, frozen_inputs
from plaplace.scan.item import Source
from plaplace.scan.loading import Loader
from plaplace.scan.manifest import NAME, Manifest, read_manifest, write_manifest
from plaplace.scan.options import Options, Progress
from plaplace.scan.ranks import Ranks, wait_for
from plaplace.scan.scan import Scan
from plaplace.scan.scanning import Scanning
from plaplace.scan.settings import Settings, describe
from plaplace.scan.sources import open_source

__all__ = ["alone", "prepare"]

_DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def prepare(options: Options, progress: Progress) -> Scan:
    """Set a scan up, or take one up again.

    Raises:
        ValueError, FileNotFoundError, ImportError: of the inputs, the model, the options; a folder that holds a scan
            already, or with resume one of another configuration.
    """
    ranks = Ranks.of_environment()
    if ranks.size > 1 and options.engine != "local":
        raise ValueError(f"engine = {options.engine!r} was given under torchrun; accepted there is 'local'")
    if options.engine == "ray":
        require("ray", "ray", "the engine ray")
    known = _known(options, ranks)
    loader = Loader(options.model, _device(options, ranks), _model_options(options), options.out)
    model = loader()
    if options.generate:
        draw_images(options, loader, ranks, progress)
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
    if known is not None:
        return _take_up(options, settings, loader, ranks, images, reference, fixed, known)
    return _begin(options, settings, loader, model, ranks, images, reference, fixed)


@contextlib.contextmanager
def alone(folder: Path, ranks: Ranks) -> Iterator[None]:
    """No other scan writes to the folder while the block runs; the lock dies with its process.

    Raises:
        ValueError: another one does.
    """
    if not ranks.first:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # a system without such locks
        yield
        return
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another process scans to {folder}; accepted is another --out, or its end") from None
        except OSError:  # a file system without them
            pass
        yield


def _known(options: Options, ranks: Ranks) -> Manifest | None:
    """The manifest of the folder, where the scan is to go on; None where one begins."""
    there = (options.out / NAME).exists()
    if options.resume:
        return read_manifest(options.out) if there else None
    if ranks.first and there:
        raise ValueError(f"{options.out} holds a scan already; accepted is another --out, or --resume to go on with it")
    return None


def _device(options: Options, ranks: Ranks) -> str:
    """Of this process: Ray's workers see their own GPU as the first one, torchrun's take one each."""
    if torch.device(options.device).type != "cuda":
        return options.device
    if options.engine == "ray":
        return "cuda"
    own = os.environ.get("LOCAL_RANK", "")
    return f"cuda:{own}" if ranks.size > 1 and own.isdecimal() and options.device == "cuda" else options.device


def _model_options(options: Options) -> dict[str, Any]:
    found: dict[str, Any] = {"trust_pickle": True} if options.trust_pickle else {}
    if options.dtype is not None:
        if options.dtype not in _DTYPES:
            raise ValueError(f"dtype = {options.dtype!r} was given; accepted are {', '.join(_DTYPES)}")
        found["precision"] = Precision(dtype=_DTYPES[options.dtype])
    return found


def _begin(
    options: Options, settings: Settings, loader: Loader, model: ScoreModel, ranks: Ranks, images: Source,
    reference: Source | None, fixed: dict[str, Any],
) -> Scan:  # fmt: skip
    """A new scan."""
    inputs, notes = freeze_inputs(images, reference, options.out, settings.seed, dated=options.images is not None)
    estimate = _estimate(options, settings, loader, model, inputs, ranks)
    size = shard_size(inputs.counts["images"], settings.batch, estimate.seconds_a_batch, estimate.workers)
    names = {"model": loader.name, **{stage: source.name for stage, source in inputs.sources.items()}}
    manifest = Manifest({**fixed, "inputs": inputs.described()}, inputs.counts, size, names)
    write_manifest(manifest, options.out)
    return Scan(options, settings, manifest, inputs, loader, ranks, estimate, notes)


def _take_up(
    options: Options, settings: Settings, loader: Loader, ranks: Ranks, images: Source, reference: Source | None,
    fixed: dict[str, Any], known: Manifest,
) -> Scan:  # fmt: skip
    """The scan of the folder, where everything is as it was."""
    known.check({**fixed, "inputs": known.scan.get("inputs", {})}, options.out)  # before the images are walked
    now = options.out / "index-now"
    inputs, notes = freeze_inputs(images, reference, now, settings.seed, dated=options.images is not None)
    known.check({**fixed, "inputs": inputs.described()}, options.out)
    for index in inputs.indices.values():  # the same, and whole
        (options.out / "index").mkdir(exist_ok=True)
        os.replace(index.file, options.out / "index" / index.file.name)
    shutil.rmtree(now, ignore_errors=True)
    inputs = frozen_inputs(images, reference, options.out, known.scan["inputs"])
    return Scan(options, settings, known, inputs, loader, ranks, None, notes)


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
    more = "" if settings.tolerance is None else ", without the further rounds of a tolerance"
    return Estimate(sum(inputs.counts.values()), calls, seconds, len(entries), workers_of(options, ranks), more)
