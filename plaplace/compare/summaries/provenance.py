"""Where the numbers come from."""

from __future__ import annotations

from typing import Any

from plaplace.compare.reading import FILES, Tables
from plaplace.compare.words import sig

__all__ = ["summarise"]


def summarise(tables: Tables) -> dict[str, Any]:
    """Provenance as (name, value) pairs, wall time by stage, the command, and the tables that are there."""
    flat: list[list[object]] = []
    stages: list[list[object]] = []
    for key, value in tables.provenance.items():
        if isinstance(value, dict):
            numbers = {k: v for k, v in value.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
            if key in ("stages", "wall_seconds", "seconds", "stage_seconds"):
                stages += [[str(k), float(v)] for k, v in numbers.items()]
            else:
                flat += [[f"{key} {k}", _text(v)] for k, v in value.items()]
        else:
            flat.append([key.replace("_", " "), _text(value)])
    return {
        "cost_alone": tables.about == (False, False, True),
        "estimators": "estimates" in tables or "coverage" in tables,
        "detectors": "detection" in tables,
        "flat": flat,
        "stages": stages,
        "command": _command(tables.provenance),
        "files": [[FILES[name][0], len(tables[name])] for name in FILES if name in tables],
    }


def _command(provenance: dict[str, Any]) -> str:
    """The command of the run; of a run from a script that has none, the command that would have done the same."""
    command = str(provenance.get("command", ""))
    return (
        command if len(command) > 2 else "plaplace compare --out DIR" + (" --quick" if provenance.get("quick") else "")
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return sig(value)
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    return str(value)
