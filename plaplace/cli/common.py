"""What the commands share."""

from __future__ import annotations

from typing import NoReturn

import typer

__all__ = ["check_device", "fail"]


def fail(message: object, code: int = 1) -> NoReturn:
    """End the command with one sentence on standard error: code 2 for wrong usage, 1 for everything else."""
    typer.echo(f"plaplace: error: {message}", err=True)
    raise typer.Exit(code)


def check_device(device: str) -> None:
    """Raises a ValueError for a device that torch does not have here."""
    import torch

    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        available = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        raise ValueError(f"device = {device!r} was given; here are {', '.join(['cpu', *available])}") from error
