"""A training that lives in a folder: started, saved now and then, stopped, resumed, and its outputs written."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from plaplace.networks.checkpoint import FILE_NAME, save
from plaplace.networks.evaluation import History, finish
from plaplace.networks.figure import loss_figure
from plaplace.networks.points import Sampler
from plaplace.networks.recipes import DEFAULT_RECIPE, recipe
from plaplace.networks.state import STATE_NAME, load_state, provenance, read_state, save_state
from plaplace.networks.training import Run, advance, start

__all__ = ["Outcome", "resume_in_folder", "start_in_folder", "train_in_folder"]

Settings = Mapping[str, int | float | str | None]

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
    data: Sampler | Tensor,
    name: str | None,
    seed: int | None,
    settings: Settings,
    device: str,
    compile_network: bool,
) -> Run:
    """A new run for a folder without one; None among `name`, `seed` and `settings` is the default.

    Raises:
        ValueError: the folder holds a training already, or what `recipe` and `start` refuse.
    """
    if (Path(folder) / STATE_NAME).exists():
        raise ValueError(f"{folder} holds a training already; accepted is another --out, or --resume to go on with it")
    chosen = recipe(name or DEFAULT_RECIPE, **settings)
    return start(data, chosen, seed=seed or 0, device=device, compile_network=compile_network)


def resume_in_folder(
    folder: str | Path,
    source: str | None,
    data_of: Callable[[str], Sampler | Tensor],
    name: str | None,
    seed: int | None,
    settings: Settings,
    device: str,
    compile_network: bool,
) -> tuple[Run, str]:
    """The run of a folder and where its data come from. What is not None must be what the run was started with.

    Raises:
        FileNotFoundError: the folder has no training.
        ValueError: another setting than that of the run, other data, or what `load_state` refuses.
    """
    file = Path(folder) / STATE_NAME
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no training ({STATE_NAME}) to resume; leave --resume out to start one")
    description = read_state(file)
    known = {**_dict(description, "network"), **_dict(description, "training")}
    known |= {"recipe": description.get("recipe"), "seed": description.get("seed")}
    recorded = _dict(description, "extra").get("source")
    known["data"] = recorded
    for key, value in {**settings, "recipe": name, "seed": seed, "data": source}.items():
        if value is not None and value != known.get(key):
            raise ValueError(f"{key} = {value!r} was given, but the training in {folder} has {known.get(key)!r}")
    if not isinstance(recorded, str):
        raise ValueError(f"{file} does not say where its data come from")
    return load_state(file, data_of(recorded), device=device, compile_network=compile_network), recorded


def _dict(description: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = description.get(key)
    return value if isinstance(value, dict) else {}


def train_in_folder(run: Run, folder: str | Path, source: str, should_stop: Callable[[Run], bool]) -> Outcome:
    """Go on with a run until it is done or `should_stop`, and write its folder.

    Args:
        run: new or resumed.
        folder: made when missing; holds network.safetensors (averaged weights), training.safetensors (to resume),
            loss.csv, validation.csv and loss.png.
        source: where the data came from, kept in the state for `--resume`.
        should_stop: called after every step.
    """
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    last = time.monotonic()

    def on_step(current: Run) -> bool:
        nonlocal last
        if time.monotonic() - last > _SAVE_EVERY:
            save_state(current, directory / STATE_NAME, source=source)
            last = time.monotonic()
        return should_stop(current)

    complete = advance(run, on_step)
    # the state first: all the rest can be made again from it
    state = save_state(run, directory / STATE_NAME, source=source)
    network, history = finish(run)
    files = [
        save(network, directory / FILE_NAME, **provenance(run)),
        state,
        _table(directory / "loss.csv", ("step", "loss"), enumerate(history.losses, 1)),
        _table(directory / "validation.csv", ("sigma", "loss"), zip(history.sigmas, history.validation, strict=True)),
        loss_figure(history, directory / "loss.png", f"{run.recipe.name}, {source}, seed {run.seed}"),
    ]
    return Outcome(complete, history, files)


def _table(path: Path, header: tuple[str, str], rows: object) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)  # type: ignore[arg-type]
    return path
