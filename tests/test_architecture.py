"""The arrows of the design: who may import whom, and what `import plaplace` may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import plaplace

PACKAGE = Path(plaplace.__file__).parent
LEAVES = {"operators", "noise", "directions", "estimate"}
ALLOWED = {
    "operators": set(),
    "noise": set(),
    "estimate": set(),
    "directions": set(),
    "estimators": LEAVES,
    "mixture": {"operators", "noise"},
    "sampling": set(),
    "extras": set(),
    "networks": {"noise", "sampling", "extras"},
    "models": {"noise", "networks", "extras"},
    "memorization": LEAVES | {"models", "estimators", "extras", "sampling"},
    "strategies": {"mixture"},
    "testing": LEAVES | {"estimators"},
    "memorization/worlds": {"models", "networks", "mixture", "noise", "sampling", "extras"},
    "compare": LEAVES | {"estimators", "mixture", "networks", "models", "memorization"},
    "scan": LEAVES | {"models", "memorization", "compare", "sampling", "extras"},
    "verify": LEAVES | {"estimators", "mixture", "models", "compare", "testing"},
    "cli": {"compare", "scan", "verify", "networks", "noise"},
}


def imports(path):
    """Second names of all `plaplace.x` imports of a file, relative ones resolved, wherever in the file they stand."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("plaplace.")}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            parts = node.module.split(".")
            if parts == ["plaplace"]:
                found |= {alias.name for alias in node.names}
            elif parts[0] == "plaplace":
                found.add(parts[1])
    exported = {"GaussianMixture": "mixture", "LowRank": "mixture", "Estimate": "estimate", "__version__": ""}
    return {exported.get(name, name) for name in found} - {""}


def files():
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_one_way(path):
    parts = path.relative_to(PACKAGE).parts
    part, folder = parts[0].removesuffix(".py"), "/".join(parts[:2])
    allowed = ALLOWED.get(folder, ALLOWED[part]) | {part}
    assert imports(path) <= allowed, f"{path.relative_to(PACKAGE)} may import {sorted(allowed)}"


def test_nothing_that_estimates_knows_the_mixture_and_nothing_exact_samples():
    for path in (PACKAGE / "estimators").glob("*.py"):
        assert "mixture" not in imports(path), path
    for path in (PACKAGE / "mixture").rglob("*.py"):
        assert not imports(path) & {"estimators", "directions"}, path


def test_the_reference_imports_nothing_of_plaplace():
    for path in (PACKAGE.parent / "reference").glob("*.py"):
        assert "plaplace" not in {
            word
            for line in path.read_text().splitlines()
            if "import" in line
            for word in line.replace(".", " ").split()
        }, path


def test_the_names_of_plaplace_load_torch_and_numpy_alone():
    heavy = [
        "scipy",
        "pandas",
        "matplotlib",
        "sklearn",
        "typer",
        "rich",
        "jinja2",
        "safetensors",
        "hypothesis",
        "flint",
    ]
    code = (
        "import sys, torch, numpy; before = set(sys.modules); from plaplace import *; "
        f"print([name for name in {heavy} if name in set(sys.modules) - before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
