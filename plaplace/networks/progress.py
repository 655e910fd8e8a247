"""What a person at a terminal sees of a training, and how they stop it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

from plaplace.networks.training import Run

__all__ = ["ProgressBar", "Signals"]


class Signals:
    """Inside a `with`: remembers the first SIGINT or SIGTERM as `received`; the second one acts as usual."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.__exit__()


class ProgressBar:
    """A progress bar with loss, rate and the time left, on standard error."""

    def __init__(self, run: Run) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("train"),
            BarColumn(),
            TextColumn(
                "{task.completed:.0f}/{task.total:.0f}  loss {task.fields[loss]:.4f}  {task.fields[rate]:.0f}/s"
            ),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True))
        total = run.recipe.training.num_steps
        self.task = self.bar.add_task("train", total=total, completed=run.step, loss=float("nan"), rate=0.0)
        self.began, self.first, self.shown = time.monotonic(), run.step, 0.0

    def __enter__(self) -> ProgressBar:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def show(self, run: Run, stopped: bool = False) -> bool:
        """Bring the bar up to date, at most ten times a second; returns `stopped`, to end a step's callback with."""
        now = time.monotonic()
        if now - self.shown < 0.1 and run.step < run.recipe.training.num_steps and not stopped:
            return False
        self.shown = now
        recent = run.losses[-50:]
        rate = (run.step - self.first) / max(now - self.began, 1e-9)
        self.bar.update(self.task, completed=run.step, loss=sum(recent) / len(recent), rate=rate)
        return stopped
