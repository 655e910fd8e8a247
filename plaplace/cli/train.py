"""The command line: parse, call, print. Whatever is heavy is imported inside the command that needs it."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from plaplace.networks.data import Planted
    from plaplace.networks.points import Sampler

__all__ = ["app"]

app = typer.Typer(
    name="plaplace",
    help="p-Laplace operators of score functions: exact for Gaussian mixtures, estimated for diffusion models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def fail(message: object, code: int = 1) -> NoReturn:
    """End the command with one sentence on standard error: code 2 for wrong usage, 1 for everything else."""
    typer.echo(f"plaplace: error: {message}", err=True)
    raise typer.Exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"plaplace {version('plaplace')}")
        raise typer.Exit()


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """p-Laplace operators of score functions: exact for Gaussian mixtures, estimated for diffusion models."""


@app.command()
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
        _check_device(device)
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
    done, seconds = run.step - first, time.monotonic() - began
    typer.echo(f"{done} steps in {seconds:.1f} s, at step {run.step} of {run.recipe.training.num_steps}")
    for file in outcome.files:
        typer.echo(f"wrote {file}")
    if not outcome.complete:
        typer.echo(f"stopped; go on with: plaplace train --out {out} --resume", err=True)
        raise typer.Exit(128 + (stop.received or signal.SIGINT))


@app.command()
def compare(
    out: Annotated[Path, typer.Option("--out", help="Folder for tables, figures and report; replaces earlier ones.")],
    quick: Annotated[bool, typer.Option("--quick", help="A small grid and short trainings: under 3 minutes.")] = False,
    problem: Annotated[
        list[str] | None, typer.Option("--problem", help="triangle, d8, digits or manifold; may be repeated.")
    ] = None,
    world: Annotated[
        list[str] | None,
        typer.Option("--world", help="memorizer, membership, digits, fashion-14, ..; may be repeated. All else."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Worlds measured at a time, a process each.")] = 1,
) -> None:
    """Compare estimators with the exact values and detectors with what was memorized, and write the report."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from plaplace.compare import run

    columns = TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    began, tasks = time.monotonic(), {}
    try:
        with Progress(*columns, console=Console(stderr=True)) as bar:

            def show(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bar.add_task(stage)
                # the end of a stage is told as 1 of 1, whatever it counted
                known = bar.tasks[tasks[stage]].total if done == total == 1 else total
                bar.update(tasks[stage], completed=known if done == total == 1 else done, total=known)

            report = run(out, quick, problem, show, world, jobs)
    except (ValueError, ImportError, OSError) as error:
        fail(error)
    typer.echo(f"done in {time.monotonic() - began:.0f} s; the tables are in {out}")
    typer.echo(f"wrote {report}")


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        available = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        raise ValueError(f"device = {device!r} was given; here are {', '.join(['cpu', *available])}") from error


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


if __name__ == "__main__":
    app()
