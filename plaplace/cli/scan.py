"""`plaplace scan`."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from plaplace.cli.common import check_device, fail

__all__ = ["scan"]

SOME_FAILED = 3


def scan(
    model: Annotated[Path, typer.Option("--model", help="A diffusers folder, or one of plaplace train.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for scores.parquet, report.html and what --resume needs.")],
    images: Annotated[
        str | None,
        typer.Option("--images", help="A folder of images, a parquet or arrow data set, WebDataset tars, .npy, .npz."),
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="Images of the same kind that the model has not seen.")
    ] = None,
    captions: Annotated[
        Path | None, typer.Option("--captions", help="CSV or JSON; else it is looked for beside the images.")
    ] = None,
    reference_captions: Annotated[Path | None, typer.Option("--reference-captions", help="Of the reference.")] = None,
    generate: Annotated[int, typer.Option("--generate", help="Scan that many samples of the model itself.")] = 0,
    prompts: Annotated[Path | None, typer.Option("--prompts", help="For --generate: a prompt a line.")] = None,
    statistics: Annotated[
        str | None,
        typer.Option("--statistics", help="Names, with commas; else flux_1,flux_2,denoising_loss,displacement."),
    ] = None,
    score: Annotated[
        str, typer.Option("--score", help="What ranks: profile, our detector, or a statistic.")
    ] = "profile",
    levels: Annotated[
        str | None, typer.Option("--levels", help="t of the noise levels, with commas, main first.")
    ] = None,
    calls: Annotated[int, typer.Option("--calls", help="Network calls an image; even.")] = 16,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="More calls near the threshold, until the score's error is this small."),
    ] = None,
    fdr: Annotated[float, typer.Option("--fdr", help="False discovery rate of the verdicts.")] = 0.05,
    seed: Annotated[int, typer.Option("--seed", help="Of everything drawn.")] = 0,
    unconditional: Annotated[bool, typer.Option("--unconditional", help="Leave captions and labels aside.")] = False,
    engine: Annotated[str, typer.Option("--engine", help="local, this process, or ray.")] = "local",
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Of Ray; as many as there is room for.")
    ] = None,
    address: Annotated[str | None, typer.Option("--address", help="Of a Ray cluster; else this machine.")] = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, ...")] = "cpu",
    dtype: Annotated[str | None, typer.Option("--dtype", help="Of the network: float32, bfloat16, float16.")] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads a worker.")] = 1,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Images the network sees together.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the scan in --out, if there is one.")] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="Say what it would cost, and stop.")] = False,
    trust_pickle: Annotated[bool, typer.Option("--trust-pickle", help="Read weights that can run code.")] = False,
) -> None:
    """Which images has the model memorized? Ranked, calibrated on a reference, and reported.

    Under torchrun the processes share the scan. Exit codes:

    0: every image has a score.

    3: complete, but some images could not be read or scored; they are rows with a reason.

    1: refused, or stopped; the sentence says which. Finished parts are kept, and --resume goes on.

    2: an unknown or missing option. 128 + n: signal n.
    """
    from plaplace.cli.progress import ScanBar
    from plaplace.scan.options import Options
    from plaplace.scan.run import estimated
    from plaplace.scan.run import scan as run

    hint = f"finished parts are kept; go on with --resume and the same options, --out {out}"
    try:
        check_device(device)
        options = Options(
            model, images, out, reference, captions, reference_captions, generate, prompts, _split(statistics), score,
            _numbers(levels), calls, tolerance, fdr, seed, unconditional, engine, workers, address, device, dtype,
            threads, batch_size, resume, trust_pickle,
        )  # fmt: skip
        if estimate:
            if (found := estimated(options)) is not None:
                typer.echo(found)
            return
        with _stoppable(), ScanBar() as bar:
            finished = run(options, bar.show, bar.say)
    except _Stopped as stopped:
        typer.echo(f"stopped; {hint}", err=True)
        raise typer.Exit(128 + stopped.number) from None
    except (ValueError, FileNotFoundError, ImportError) as error:
        fail(error)
    except (OSError, RuntimeError, MemoryError) as error:
        fail(f"{str(error).strip() or type(error).__name__}; {hint}")
    if finished is None:
        return
    for line in summary(finished.findings):
        typer.echo(line)
    typer.echo(f"wrote {finished.scores}")
    typer.echo(f"wrote {finished.report}")
    if finished.findings.failed:
        raise typer.Exit(SOME_FAILED)


def summary(findings: Any) -> list[str]:
    """The answer in a few lines."""
    level, total = f"{100 * findings.level:g}%", f"{findings.total:,}"
    if findings.failed == findings.total:
        return [f"none of {total} images could be scored; the report says why"]
    if findings.reference is None:
        lines = [f"{total} images ranked by {findings.score}; nothing is decided without --reference"]
    else:
        found, unclear = findings.verdicts["memorized"], findings.verdicts["cannot tell"] - findings.failed
        lines = [f"{found:,} of {total} images are memorized, at a false discovery rate of {level}"]
        if 2 * found > findings.total - findings.failed:
            lines.append("that is most of them: a reference of another kind than the images gives the same answer")
        if unclear:
            lines.append(f"{unclear:,} cannot be told: the reference of {findings.num_reference:,} images is too small")
    if findings.failed:
        lines.append(f"{findings.failed:,} could not be read or scored; the report says why")
    return lines


class _Stopped(BaseException):
    """A signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """SIGINT and SIGTERM end the block; a second one acts as usual."""
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    raise _Stopped(number)


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str | None) -> list[float] | None:
    parts = _split(text)
    try:
        return None if parts is None else [float(part) for part in parts]
    except ValueError:
        raise ValueError(f"levels = {text!r} was given; accepted are numbers with commas between them") from None
