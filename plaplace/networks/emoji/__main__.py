"""python -m plaplace.networks.emoji: the command line of the emoji pipeline."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from plaplace.networks.emoji.build import build
from plaplace.networks.emoji.figures import write_figures
from plaplace.networks.emoji.pictures import GOOGLE_16, pictures
from plaplace.networks.emoji.plan import FULL, QUICK
from plaplace.networks.emoji.stage import Stage
from plaplace.networks.progress import Signals

__all__ = ["main"]

_EVERY = 5.0  # seconds between two lines of progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the pipeline; returns the exit status: 0 done, 1 refused, 130 stopped by Ctrl-C with the state saved."""
    options = _parser().parse_args(arguments)
    plan = QUICK if options.quick else FULL
    torch.set_num_threads(1)  # the same sums in the same order on every machine; these networks gain little from more
    try:
        found = pictures(options.pictures, plan.size, options.sha256)
        with Signals() as signals:
            show = _progress()
            built = build(
                options.out,
                found,
                plan,
                options.seed,
                lambda stage: show(stage) or signals.received is not None,
                options.resume,
            )
        if not built.complete:
            print(f"stopped; --resume goes on with {options.out}", file=sys.stderr)
            return 130
        print("drawing samples", file=sys.stderr)
        for file in write_figures(options.out, found, built.manifest, built.losses):
            print(file)
    except (ImportError, OSError, ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m plaplace.networks.emoji", description=__doc__, allow_abbrev=False)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of an unpacked emoji-datasource-google")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pipeline")
    parser.add_argument("--quick", action="store_true", help="hardly train: to see that everything works")
    parser.add_argument("--resume", action="store_true", help="go on with the training in --out")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")
    parser.add_argument("--sha256", default=GOOGLE_16, help="digest of the pictures (default: that of version 16.0.0)")
    return parser


def _progress() -> Callable[[Stage], bool]:
    began: dict[str, tuple[float, int]] = {}
    shown = 0.0

    def show(stage: Stage) -> bool:
        nonlocal shown
        now, done, total = time.monotonic(), len(stage.losses), stage.settings.num_steps
        start, first = began.setdefault(stage.name, (now, done))
        if now - shown > _EVERY or stage.complete:
            shown = now
            recent = stage.losses[-200:]
            left = (now - start) / max(done - first, 1) * (total - done)
            loss = sum(recent) / len(recent)
            print(f"{stage.name} {done}/{total}  loss {loss:.4f}  {left / 60:.1f} min left", file=sys.stderr)
        return False

    return show


if __name__ == "__main__":
    sys.exit(main())
