"""The command line: parse, call, print. Whatever is heavy is imported inside the command that needs it."""

from __future__ import annotations

from typing import Annotated

import typer

from plaplace.cli.compare import compare
from plaplace.cli.scan import scan
from plaplace.cli.train import train
from plaplace.cli.verify import verify

__all__ = ["app"]

app = typer.Typer(
    name="plaplace",
    help="p-Laplace operators of score functions: exact for Gaussian mixtures, estimated for diffusion models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


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


for command in (scan, train, compare, verify):
    app.command()(command)
