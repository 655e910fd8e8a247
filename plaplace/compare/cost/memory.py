"""Peak memory of an exact evaluation against N: each measured in a process of its own.

The peak is VmHWM of /proc/self/status, which Linux sets back to the present size when 5 is written to clear_refs. Other
systems keep no such mark for a part of a process's life, and there the table is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from plaplace.compare.cost import sweeps
from plaplace.compare.rivals.cases import Case

__all__ = ["D", "K", "available", "measured", "memory_rows"]

K, D = 32, 16
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_MIB = 2**20
_PROGRAM = """
import sys
from plaplace.compare.cost.memory import measured
print(*measured(sys.argv[1], int(sys.argv[2])))
"""

Progress = Callable[[str, int, int], None]


def available() -> bool:
    """Whether this system tells the peak."""
    return _RESET.exists() and "VmHWM" in _STATUS.read_text()


def memory_rows(kinds: tuple[str, ...], sizes: tuple[int, ...], progress: Progress) -> list[dict[str, Any]]:
    """A row a kind and N: MiB of points and values together, and of the rise above them during the call; float64.

    Raises:
        RuntimeError: a process failed; with what it said.
    """
    rows: list[dict[str, Any]] = []
    plan = [(kind, size) for kind in kinds for size in sizes]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    for done, (kind, size) in enumerate(plan):
        command = [sys.executable, "-c", _PROGRAM, kind, str(size)]
        answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if answer.returncode:
            raise RuntimeError(f"memory of {kind}, N = {size}: the process failed: {answer.stderr.strip()[-500:]}")
        held, rise = map(float, answer.stdout.split())
        rows.append({"kind": kind, "N": size, "K": K, "D": D, "held_mib": held, "rise_mib": rise})
        progress("memory", done + 1, len(plan))
    return rows


def measured(kind: str, size: int) -> tuple[float, float]:
    """MiB of points and values, and of the rise of the resident set during the call beyond the values."""
    torch.set_num_threads(1)
    problem = sweeps.problem(Case(kind, D, K, size, torch.float64, ()))
    problem.mixture.p_laplacian(problem.x[:8], 1.0)  # libraries are loaded and threads started now
    values = size * 8 / _MIB
    before = _status("VmRSS")
    _RESET.write_text("5")
    problem.mixture.p_laplacian(problem.x, 1.0)
    return size * D * 8 / _MIB + values, max(_status("VmHWM") - before - values, 0.0)


def _status(name: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return float(line.split()[1]) / 1024  # kB
