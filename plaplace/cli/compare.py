"""`plaplace compare`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from plaplace.cli.common import fail

__all__ = ["compare"]


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
