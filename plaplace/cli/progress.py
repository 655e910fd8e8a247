"""The bar of `plaplace scan`: images, rate, time left, failures, a line a stage, on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["ScanBar"]

_TITLES = {"generate": "samples", "fit": "reference, fitted on", "reference": "reference", "images": "images"}


class ScanBar:
    """Inside a `with`: `show` is a scan's progress, `say` prints above the bar."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:20}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
        )
        self.console = Console(stderr=True)
        self.bar = Progress(*columns, console=self.console)
        self.clock, self.tasks, self.began = clock, {}, {}  # type: ignore[var-annotated]

    def __enter__(self) -> ScanBar:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def say(self, text: Any) -> None:
        """A line above the bar."""
        self.console.print(str(text), highlight=False, markup=False)

    def show(self, stage: str, done: int, total: int, failed: int) -> None:
        """Bring a stage's line up to date."""
        if stage not in self.tasks:
            self.tasks[stage] = self.bar.add_task(_TITLES.get(stage, stage), total=total, rate="", failed="")
            self.began[stage] = (self.clock(), done)
        start, first = self.began[stage]
        seconds = self.clock() - start
        rate = f"{(done - first) / seconds:.3g}/s" if seconds > 0 and done > first else ""
        self.bar.update(self.tasks[stage], completed=done, total=total, rate=rate,
                        failed=f"{failed} failed" if failed else "")  # fmt: skip
