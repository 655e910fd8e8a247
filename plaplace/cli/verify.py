"""`plaplace verify`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated, Any

import typer

from plaplace.cli.common import fail

__all__ = ["verify"]

BROKEN = 1


def verify(
    function: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="Or FILE.py:FUNCTION.")],
    kind: Annotated[
        str | None, typer.Option("--kind", help="estimator, exact or network; else its parameters say.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Of an estimator: ball_mean (with a radius) or pointwise.")
    ] = None,
    p: Annotated[str | None, typer.Option("--p", help="Exponents, with commas; else 1,2,3.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE, an argument it always gets; may be repeated.")
    ] = None,
    number: Annotated[
        int | None, typer.Option("--number", min=1, help="Directions or probes; of a network: points a level.")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=20, help="Repetitions; else 200.")] = None,
    bias: Annotated[
        float | None, typer.Option("--bias", help="Systematic error allowed, relative to the terms; else 1e-4.")
    ] = None,
    families: Annotated[
        str | None, typer.Option("--families", help="Of an exact function: hard cases, with commas; else all.")
    ] = None,
    mixture: Annotated[
        str | None, typer.Option("--mixture", help="Of a network: what it learned, triangle, d8, ..")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Of a network, without a mixture: points, .npy.")] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", help="Of a network: sigma, flow, linear-1000, cosine-1000.")
    ] = None,
    prediction: Annotated[
        str | None, typer.Option("--prediction", help="Of a network: score, epsilon, v, sample or velocity.")
    ] = None,
    levels: Annotated[
        str | None, typer.Option("--levels", help="Of a network: t on the schedule, with commas.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option("--shape", help="Of a network: of one point, with commas; else D.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option("--tolerance", help="Of a network: relative error accepted in the score.")
    ] = None,
    backend: Annotated[str | None, typer.Option("--backend", help="torch, numpy or jax; else its source says.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the verdict as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the verdict as one HTML file.")] = None,
) -> None:
    """Judge an implementation of yours: is it right, and if not, what is wrong with it?

    Exit codes:

    0: the contract holds.

    1: it does not; the table says what is wrong.

    2: wrong usage: no such function, a parameter that nothing explains, an unknown option.
    """
    from plaplace.verify import Verdict
    from plaplace.verify import verify as judge

    given: dict[str, Any] = {
        "target": target,
        "exponents": _numbers("p", p),
        "settings": _settings(settings),
        "number": number,
        "seeds": seeds,
        "bias": bias,
        "families": None if families is None else families.split(","),
        "mixture": mixture,
        "data": None if data is None else str(data),
        "schedule": schedule,
        "prediction": prediction,
        "levels": _numbers("levels", levels),
        "shape": None if shape is None else tuple(map(int, _numbers("shape", shape) or ())),
        "tolerance": tolerance,
        "backend": backend,
    }
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        verdict: Verdict = judge(function, kind, **asked)
    except (ValueError, ImportError, OSError) as error:
        fail(error, code=2)
    typer.echo(str(verdict))
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(verdict.to_json(), "utf-8")
        typer.echo(f"wrote {json}")
    if html is not None:
        from plaplace.verify.page import page

        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(page(verdict), "utf-8")
        typer.echo(f"wrote {html}")
    if not verdict.holds:
        raise typer.Exit(BROKEN)


def _numbers(name: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError:
        fail(f"--{name} {text} was given; it takes numbers with commas, such as 1,2,3", code=2)


def _settings(pairs: list[str] | None) -> dict[str, Any] | None:
    """NAME=VALUE, values as Python writes them, else as text."""
    if not pairs:
        return None
    out: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            fail(f"--set {pair} was given; it takes NAME=VALUE", code=2)
        try:
            out[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            out[name] = text
    return out
