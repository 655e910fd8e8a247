"""World 6: the text-to-image latent model of emoji that `make emoji` trains, with and without the prompt.

    x50, x10     caption-picture pairs planted 50 and 10 times
    once         trained on once
    held out     never seen by the text-to-image training

The pictures are encoded to latents, the conditions are their captions. There is one model, so one seed; it chooses
which pictures are judged. Levels after the field's habit: the paper's t = 10 of 1,000, and noisier ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from plaplace.memorization.worlds.bed import Bed, Progress, World, task
from plaplace.models import ScoreModel, load
from plaplace.networks.data import read_manifest
from plaplace.networks.emoji import Pictures, pictures

__all__ = ["FOLDER", "PICTURES", "emoji_worlds"]

FOLDER, PICTURES = Path("runs/emoji"), Path("runs/emoji-pictures")  # where `make emoji` puts them
LEVELS = (10, 50, 100, 200, 400, 600)
MAIN = 50
MOST, MOST_QUICK = 64, 8  # images of a group


def emoji_worlds(folder: Path = FOLDER, source: Path = PICTURES) -> tuple[World, World]:
    """The worlds "emoji" and "emoji-unprompted" of a folder that `make emoji` built, and the pictures it is of."""

    def prompted(seed: int, quick: bool, progress: Progress) -> Iterator[Bed]:
        return _beds("emoji", folder, source, seed, quick, progress)

    def unprompted(seed: int, quick: bool, progress: Progress) -> Iterator[Bed]:
        return _beds("emoji-unprompted", folder, source, seed, quick, progress)

    return (
        World("emoji", "Text-to-image emoji, with the prompt", (0,), (0,), prompted),
        World("emoji-unprompted", "Text-to-image emoji, without a prompt", (0,), (0,), unprompted),
    )


def _beds(name: str, folder: Path, source: Path, seed: int, quick: bool, progress: Progress) -> Iterator[Bed]:
    if not (folder / "model_index.json").is_file():
        raise FileNotFoundError(f"{folder} has no model_index.json; build it with: make emoji")
    manifest = read_manifest(folder)
    shown = pictures(source, manifest.size, manifest.sha256)
    model = load(folder)
    most = MOST_QUICK if quick else MOST
    generator = torch.Generator().manual_seed(seed)
    groups: dict[str, list[int]] = {}
    for times in manifest.repeated():
        every = [i for i, count in zip(manifest.indices, manifest.times, strict=True) if count == times]
        groups["once" if times == 1 else f"x{times}"] = _some(every, most, generator)
    held_out = _some(list(manifest.held_out), len(manifest.held_out), generator)
    groups["held out"], null = held_out[:most], held_out[most : 3 * most]
    judged = [i for members in groups.values() for i in members]
    prompted = name == "emoji"
    progress(1, 1)
    tasks = [task(group, "held out") for group in reversed(groups) if group != "held out"]
    yield Bed(
        name,
        f"Stable Diffusion in small on {len(manifest.indices)} emoji",
        seed,
        0,
        model,
        _latents(model, shown, judged),
        tuple(group for group, members in groups.items() for _ in members),
        _latents(model, shown, null),
        _latents(model, shown, manifest.indices),
        torch.tensor(manifest.times),
        model.levels.at(t=MAIN),
        tuple(model.levels.at(t=t) for t in LEVELS),
        {name: sides for each in tasks for name, sides in each.items()},
        conditions=[shown.captions[i] for i in judged] if prompted else None,
        null_conditions=[shown.captions[i] for i in null] if prompted else None,
    )


def _latents(model: ScoreModel, shown: Pictures, indices: Sequence[int]) -> Tensor:
    return model.encode((shown.images[list(indices)] + 1) / 2)


def _some(indices: list[int], most: int, generator: torch.Generator) -> list[int]:
    """At most that many of them, in random order."""
    return [indices[i] for i in torch.randperm(len(indices), generator=generator)[:most].tolist()]
