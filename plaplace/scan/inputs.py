"""The inputs of a scan, frozen: images, the part of the reference that is fitted on, and the part that calibrates."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from plaplace.models import Embeddings, Labels, ScoreModel, Unconditioned
from plaplace.scan.index import Index, freeze, split
from plaplace.scan.item import Entry, Source

__all__ = ["Inputs", "condition_for", "freeze_inputs", "frozen_inputs"]

STAGES = ("fit", "reference", "images")
FIT_SHARE, FIT_LEAST, FIT_MOST = 0.25, 10, 256  # of the reference; a line needs a few hundred, p-values all the others
LEAST_REFERENCE = 20
_ASKED = 16  # items by which a source is asked for captions and labels


@dataclass(frozen=True)
class Inputs:
    """Sources and listings by stage."""

    sources: Mapping[str, Source]
    indices: Mapping[str, Index]

    @property
    def counts(self) -> dict[str, int]:
        """Stage -> number of images."""
        return {stage: index.count for stage, index in self.indices.items()}

    def described(self) -> dict[str, dict[str, int | str]]:
        """For the manifest."""
        return {stage: {"count": index.count, "sha256": index.sha256} for stage, index in self.indices.items()}


def freeze_inputs(
    images: Source, reference: Source | None, folder: Path, seed: int, *, dated: bool = True
) -> tuple[Inputs, tuple[str, ...]]:
    """Walk the sources and write their listings; also sentences about them.

    Args:
        dated: whether images that were touched are other images; not so for those that the scan itself has drawn.

    Raises:
        ValueError, FileNotFoundError: a source cannot be read, has no images, or a reference has fewer than 20.
    """
    indices: dict[str, Index] = {}
    known: set[tuple[str, int, int]] = set()  # the time of change too: rows of two arrays have names and sizes alike
    both = 0
    if reference is not None:
        fit, count = split(reference, seed, FIT_SHARE, FIT_LEAST, FIT_MOST)
        if count < LEAST_REFERENCE:
            raise ValueError(
                f"the reference {reference.name} has {count} images; accepted are {LEAST_REFERENCE} or more"
            )
        for stage, inside in (("fit", True), ("reference", False)):
            rows = (entry for row, entry in enumerate(reference.listing()) if (row in fit) == inside)
            indices[stage] = freeze(rows, file_of(folder, stage))
            known |= {identity(entry) for entry in indices[stage].walk() if entry.modified > 0}

    def listed() -> Iterator[Entry]:
        nonlocal both
        for entry in images.listing():
            both += identity(entry) in known
            yield entry if dated else replace(entry, modified=-1)

    indices["images"] = freeze(listed(), file_of(folder, "images"))
    if indices["images"].count == 0:
        raise ValueError(f"{images.name} has no images")
    shared = "name, size and time of change of one of the reference"
    if both == indices["images"].count:
        raise ValueError(
            f"every image of {images.name} has {shared}: accepted is a reference that does not hold what is scanned"
        )
    notes = [*images.notes, *(reference.notes if reference is not None else ())]
    if both:
        notes.append(f"{both:,} images have {shared}: the reference must not hold what is scanned")
    return Inputs(_sources(images, reference), indices), tuple(dict.fromkeys(notes))


def frozen_inputs(
    images: Source, reference: Source | None, folder: Path, described: Mapping[str, Mapping[str, int | str]]
) -> Inputs:
    """The inputs that another process has frozen in the folder, as its manifest says."""
    indices = {
        stage: Index(file_of(folder, stage), int(each["count"]), str(each["sha256"]))
        for stage, each in described.items()
    }
    return Inputs(_sources(images, reference), indices)


def identity(entry: Entry) -> tuple[str, int, int]:
    """By which an image that is in two sources is known, a copy that keeps the time of change included."""
    return entry.key, entry.size, entry.modified


def file_of(folder: Path, stage: str) -> Path:
    """Where the listing of a stage is kept."""
    return folder / "index" / f"{stage}.parquet"


def _sources(images: Source, reference: Source | None) -> dict[str, Source]:
    return {"images": images} | ({} if reference is None else {"fit": reference, "reference": reference})


def condition_for(model: ScoreModel, images: Source, reference: Source | None, unconditional: bool) -> str:
    """What the model is conditioned on: "caption", "label" or "none".

    Raises:
        ValueError: a model without an unconditional branch and nothing to condition it on, or images that have a
            condition where the reference has none.
    """
    rules = getattr(model, "conditions", None)
    if rules is None or isinstance(rules, Unconditioned | Embeddings):
        return "none"
    kind = "label" if isinstance(rules, Labels) else "caption"
    if not unconditional:
        given = {source.name: _carries(source, kind) for source in (images, reference) if source is not None}
        if all(given.values()):
            return kind
        if any(given.values()):
            without = next(name for name, there in given.items() if not there)
            raise ValueError(f"{without} has no {kind}s, the other images have; give them for both, or --unconditional")
    if isinstance(rules, Labels) and rules.null is None:
        raise ValueError("the model has no unconditional branch; give a label for every image")
    return "none"


def _carries(source: Source, kind: str) -> bool:
    items: Iterator[object] = source.read(list(itertools.islice(source.listing(), _ASKED)))
    return any(getattr(item, kind) is not None for item in items)
