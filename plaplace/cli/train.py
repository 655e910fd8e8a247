"""`plaplace train`."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plaplace.cli.common import check_device, fail

if TYPE_CHECKING:
    from plaplace.networks.data import Planted
    from plaplace.networks.points import Sampler

__all__ = ["train"]


def train(
    out: Annotated[Path, typer.Option("--out", help="Folder for the network, its state, losses and pictures.")],
    mixture: Annotated[str | None, typer.Option("--mixture", help="Name of a problem of `plaplace compare`.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help="digits, fashion-mnist, mnist; an .npy or .npz array; a folder of PNG or IDX files."
        ),
    ] = None,
    size: Annotated[int | None, typer.Option("--size", min=1, help="Pixels a side, by averaging.")] = None,
    num_train: Annotated[int | None, typer.Option("--num-train", min=1, help="Different images; all else.")] = None,
    duplicates: Annotated[
        list[str] | None, typer.Option("--duplicates", help="20x50: 20 of the images are there 50 times. Repeatable.")
    ] = None,
    conditional: Annotated[bool, typer.Option("--conditional", help="Learn the classes as conditions.")] = False,
    label_dropout: Annotated[
        float | None, typer.Option("--label-dropout", help="How often a label is left out; 0.1 when conditional.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", help="edm-mlp (default), image-mlp, unet-8, unet-14, unet-28, paper-toy, d8-residual."
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Steps of the optimiser.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1, help="Points a step.")] = None,
    width: Annotated[int | None, typer.Option("--width", min=1, help="Width of the hidden layers.")] = None,
    depth: Annotated[int | None, typer.Option("--depth", min=0, help="Number of residual blocks.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of weights, points, noise, chosen images; 0 when left out.")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, ...")] = "cpu",
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Also write the images as PNG: --out/pictures/training and held-out.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in --out.")] = False,
    compile_network: Annotated[bool, typer.Option("--compile", help="Run the network through torch.compile.")] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="CPU threads; torch's own choice else.")
    ] = None,
) -> None:
    """Train a small score network on a mixture or on images. Ctrl-C stops it at a place from which --resume goes on."""
    if mixture is not None and data is not None:
        fail("--mixture and --data were both given; accepted is one of them", 2)
    given = {"mixture": mixture, "data": data, "size": size, "num_train": num_train}
    given |= {"duplicates": ",".join(duplicates or []) or None, "conditional": conditional or None}
    source = {key: value for key, value in given.items() if value is not None}
    if mixture is not None and len(source) > 1:
        fail("--mixture was given with options of images; accepted with it are those of the network", 2)
    if pictures and mixture is not None:
        fail("--pictures was given with --mixture; accepted is --data, whose points are images", 2)
    if not resume and mixture is None and data is None:
        fail("neither --mixture nor --data was given; accepted is one of them", 2)
    import torch

    from plaplace.networks.progress import ProgressBar, Signals
    from plaplace.networks.session import resume_in_folder, start_in_folder, train_in_folder

    if threads is not None:
        torch.set_num_threads(threads)
    settings: dict[str, int | float | str | None] = {"num_steps": steps, "batch_size": batch_size, "width": width}
    settings |= {"depth": depth, "label_dropout": label_dropout}
    try:
        check_device(device)
        if resume:
            run, points, source = resume_in_folder(out, source, _data, recipe, seed, settings, device, compile_network)
        else:
            points = _data(source, seed or 0)
            run = start_in_folder(out, points, recipe, seed, settings, device, compile_network, conditional)
    except (ValueError, OSError, ImportError) as error:
        fail(error)
    began, first = time.monotonic(), run.step
    try:
        with Signals() as stop, ProgressBar(run) as bar:
            outcome = train_in_folder(run, out, points, source, lambda run: bar.show(run, stop.received is not None))
    except (FloatingPointError, OSError, ImportError) as error:
        fail(error)
    files = [*outcome.files, *(_pictures(points, out) if pictures else [])]
    done, seconds = run.step - first, time.monotonic() - began
    typer.echo(f"{done} steps in {seconds:.1f} s, at step {run.step} of {run.recipe.training.num_steps}")
    for file in files:
        typer.echo(f"wrote {file}")
    if not outcome.complete:
        typer.echo(f"stopped; go on with: plaplace train --out {out} --resume", err=True)
        raise typer.Exit(128 + (stop.received or signal.SIGINT))


def _pictures(points: Sampler | Planted, out: Path) -> list[Path]:
    from plaplace.networks.data import Planted, write_pictures

    if not isinstance(points, Planted):
        fail("--pictures was given with --mixture; accepted is --data, whose points are images")
    try:
        return write_pictures(points, out / "pictures")
    except (ValueError, OSError) as error:
        fail(error)


def _data(source: Mapping[str, Any], seed: int) -> Sampler | Planted:
    """The data of a source: {"mixture": name}, or {"data": name or path, "size", "num_train", "duplicates"}."""
    if "data" in source:
        from plaplace.networks.data import image_set, plant

        images = image_set(source["data"], source.get("size"))
        return plant(images, source.get("num_train"), _duplicates(source.get("duplicates", "")), seed=seed)
    from plaplace.compare.problems import PROBLEMS

    name = source.get("mixture")
    if name not in PROBLEMS:
        raise ValueError(f"mixture = {name!r} was given; accepted are {', '.join(map(repr, PROBLEMS))}")
    sampler: Sampler = PROBLEMS[name]().mixture.sample
    return sampler


def _duplicates(text: str) -> dict[int, int]:
    """{50: 20, 10: 5} of "20x50,5x10"."""
    found: dict[int, int] = {}
    for part in filter(None, text.split(",")):
        count, _, times = part.partition("x")
        if not (count.isdecimal() and times.isdecimal()) or int(times) in found:
            raise ValueError(f"duplicates = {part!r} was given; accepted is 20x50 for 20 images 50 times, each once")
        found[int(times)] = int(count)
    return found
