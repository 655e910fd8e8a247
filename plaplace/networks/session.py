"""A training that lives in a folder: started, saved now and then, stopped, resumed, and its outputs written."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from plaplace.networks.checkpoint import save
from plaplace.networks.data.duplicates import Planted
from plaplace.networks.data.manifest import write_manifest
from plaplace.networks.evaluation import History, finish
from plaplace.networks.figure import loss_figure
from plaplace.networks.objective import Network, num_classes
from plaplace.networks.points import Sampler
from plaplace.networks.recipes import DEFAULT_RECIPE, recipe
from plaplace.networks.samples import sample_picture
from plaplace.networks.state import STATE_NAME, load_state, provenance, read_state, save_state
from plaplace.networks.training import Run, advance, start

__all__ = ["Outcome", "resume_in_folder", "start_in_folder", "train_in_folder"]

Settings = Mapping[str, int | float | str | None]
Source = Mapping[str, Any]  # of the data: what they are called and how they were chosen, as JSON takes it

_SAVE_EVERY = 30.0  # seconds: what a killed process loses at most


@dataclass(frozen=True)
class Outcome:
    """How a session ended.

    Attributes:
        complete: whether the last step was done.
        history: losses so far.
        files: what was written, in the order to read it.
    """

    complete: bool
    history: History
    files: list[Path]


def start_in_folder(
    folder: str | Path,
    data: Sampler | Planted,
    name: str | None,
    seed: int | None,
    settings: Settings,
    device: str,
    compile_network: bool,
    conditional: bool = False,
) -> Run:
    """A new run for a folder without one; None among `name`, `seed` and `settings` is the default.

    Raises:
        ValueError: the folder holds a training already, a conditional network of data without labels, or what `recipe`
            and `start` refuse.
    """
    if (Path(folder) / STATE_NAME).exists():
        raise ValueError(f"{folder} holds a training already; accepted is another --out, or --resume to go on with it")
    chosen = recipe(name or DEFAULT_RECIPE, **settings)
    points, labels = _arrays(data, conditional)
    return start(points, chosen, seed=seed or 0, device=device, compile_network=compile_network, labels=labels)


def resume_in_folder(
    folder: str | Path,
    source: Source,
    data_of: Callable[[Source, int], Sampler | Planted],
    name: str | None,
    seed: int | None,
    settings: Settings,
    device: str,
    compile_network: bool,
) -> tuple[Run, Sampler | Planted, dict[str, Any]]:
    """The run of a folder, its data, and where they come from. What is not None must be what the run was started with.

    Raises:
        FileNotFoundError: the folder has no training.
        ValueError: another setting than that of the run, other data, or what `load_state` refuses.
    """
    file = Path(folder) / STATE_NAME
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no training ({STATE_NAME}) to resume; leave --resume out to start one")
    description = read_state(file)
    recorded = _dict(_dict(description, "extra"), "source")
    known = {**_dict(description, "network"), **_dict(description, "training"), **recorded}
    known |= {"recipe": description.get("recipe"), "seed": description.get("seed")}
    for key, value in {**settings, "recipe": name, "seed": seed, **source}.items():
        if value is not None and value != known.get(key):
            raise ValueError(f"{key} = {value!r} was given, but the training in {folder} has {known.get(key)!r}")
    if not recorded or not isinstance(description.get("seed"), int):
        raise ValueError(f"{file} does not say where its data come from")
    data = data_of(recorded, description["seed"])
    points, labels = _arrays(data, bool(recorded.get("conditional")))
    run = load_state(file, points, device=device, compile_network=compile_network, labels=labels)
    return run, data, recorded


def _arrays(data: Sampler | Planted, conditional: bool) -> tuple[Sampler | Tensor, Tensor | None]:
    if not isinstance(data, Planted):
        return data, None
    if conditional and data.labels is None:
        raise ValueError(f"conditional = True was given; {data.manifest.source} has no classes")
    return data.points, data.labels if conditional else None


def _dict(description: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = description.get(key)
    return value if isinstance(value, dict) else {}


def train_in_folder(
    run: Run, folder: str | Path, data: Sampler | Planted, source: Source, should_stop: Callable[[Run], bool]
) -> Outcome:
    """Go on with a run until it is done or `should_stop`, and write its folder.

    Args:
        run: new or resumed.
        folder: made when missing; holds the averaged network (network.safetensors, or a diffusers folder),
            training.safetensors (to resume), loss.csv, validation.csv and loss.png; of images training-data.json, and
            samples.png when the last step is done.
        data: what the run was started with; the loss is validated on what was held out, if anything was.
        source: where the data came from, kept in the state for `--resume`.
        should_stop: called after every step.
    """
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    files = [write_manifest(data.manifest, directory)] if isinstance(data, Planted) else []
    last = time.monotonic()

    def on_step(current: Run) -> bool:
        nonlocal last
        if time.monotonic() - last > _SAVE_EVERY:
            save_state(current, directory / STATE_NAME, source=dict(source))
            last = time.monotonic()
        return should_stop(current)

    complete = advance(run, on_step)
    # the state first: all the rest can be made again from it
    state = save_state(run, directory / STATE_NAME, source=dict(source))
    network, history = _finish(run, data)
    title = ", ".join([run.recipe.name, *(f"{key} = {value}" for key, value in source.items()), f"seed = {run.seed}"])
    files += [
        save(network, directory, **provenance(run)),
        state,
        _table(directory / "loss.csv", ("step", "loss"), enumerate(history.losses, 1)),
        _table(
            directory / "validation.csv",
            ("sigma_over_alpha", "loss"),
            zip(history.sigmas, history.validation, strict=True),
        ),
        loss_figure(history, directory / "loss.png", title),
    ]
    drawn = sample_picture(network, directory / "samples.png", run.seed) if complete else None
    return Outcome(complete, history, files if drawn is None else [*files, drawn])


def _finish(run: Run, data: Sampler | Planted) -> tuple[Network, History]:
    if not isinstance(data, Planted) or len(data.held_out) == 0:
        return finish(run)
    labels = data.held_out_labels if num_classes(run.network) else None
    network, history = finish(run, data.held_out, validation_labels=labels)
    return network, replace(history, validated_on="held-out images")


def _table(path: Path, header: tuple[str, str], rows: object) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)  # type: ignore[arg-type]
    return path
