"""Where the numbers of a run come from: versions, commit, machine, command. No host names, no paths."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

__all__ = ["add", "add_seconds", "collect", "run_id", "write_provenance"]

_PACKAGES = ("torch", "numpy", "scipy", "pandas", "scikit-learn")


def collect(**settings: Any) -> dict[str, Any]:
    """Everything but times: versions, commit, machine, threads, command, and the settings given."""
    import plaplace

    commit, dirty = _commit()
    return {
        "plaplace": plaplace.__version__,
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": _command(),
        **settings,
    }


def run_id(provenance: dict[str, Any]) -> str:
    """Eight characters for what decides the numbers: code, versions and settings, not the date or the machine's load.

    >>> run_id({"commit": "a", "date": "monday"}) == run_id({"commit": "a", "date": "tuesday"})
    True
    """
    ignored = ("date", "load_average", "command", "cores")
    text = json.dumps({key: value for key, value in provenance.items() if key not in ignored}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def add_seconds(folder: Path, stage: str, seconds: float) -> None:
    """Add the wall time of a stage to the provenance.json of the folder."""
    add(folder, "seconds", stage, round(seconds, 1))


def add(folder: Path, part: str, key: str, value: Any) -> None:
    """Add an entry to one of the dicts in the provenance.json of the folder."""
    provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    provenance.setdefault(part, {})[key] = value
    write_provenance(folder, provenance)


def write_provenance(folder: Path, provenance: dict[str, Any]) -> None:
    """Write the provenance.json of the folder."""
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def _commit() -> tuple[str, bool | None]:
    """Commit of the checkout the package runs from and whether it has changes; "" and None outside one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "", None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit, bool(_git(root, "status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):  # no git, or no commit yet
        return "", None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def _command() -> str:
    """The command line, its paths cut to their last part."""
    words = [Path(word).name if os.sep in word else word for word in sys.argv]
    return shlex.join(words)
