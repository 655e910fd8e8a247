"""`plaplace compare` as a user runs it. The measuring and the report have their own tests."""

import subprocess
import sys

import pytest


def plaplace(*arguments):
    command = [sys.executable, "-m", "plaplace.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_names_the_commands():
    done = plaplace("--help")
    assert done.returncode == 0
    assert "compare" in done.stdout and "train" in done.stdout


def test_unknown_problem(tmp_path):
    done = plaplace("compare", "--out", str(tmp_path), "--problem", "square")
    assert done.returncode == 1
    assert "problem = 'square' was given; accepted are 'triangle', 'd8', 'digits', 'manifold'" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_option():
    done = plaplace("compare")
    assert done.returncode == 2
    assert "--out" in done.stderr


@pytest.mark.slow
def test_a_quick_run_of_one_problem(tmp_path):
    done = plaplace("compare", "--out", str(tmp_path / "report"), "--quick", "--problem", "triangle")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert {"estimates.csv", "coverage.csv", "report.html", "report.md", "figures", "provenance.json"} <= names
    assert "report.html" in done.stdout
