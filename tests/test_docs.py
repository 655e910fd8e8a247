"""Every example on the pages of the documentation runs and shows what is printed there."""

import doctest
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.name != "README.md")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})(?P<language>[^`\n]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.DOTALL | re.MULTILINE
)


def front_matter(text):
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    return yaml.safe_load(match[1]) if match else {}


def fences(text):
    """(language, body, line) of the fenced blocks, those within ::: blocks too."""
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("body"))
        if match["fence"].startswith(":"):
            yield from ((language, body, line + inner) for language, body, inner in fences(match["body"]))
        else:
            yield match["language"].strip(), match["body"], line


def commands(body):
    """(command, expected output) of a console block; a command goes on after a backslash."""
    parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n?", body, flags=re.MULTILINE)
    assert not parts[0].strip(), f"a console block begins with `$ `, this one with {parts[0]!r}"
    return zip(parts[1::2], parts[2::2], strict=True)


class Close(doctest.OutputChecker):
    """Equal text, or text whose numbers are equal within a relative tolerance, for what a training leaves."""

    number = re.compile(r"-?\d+(?:\.\d+)?")

    def __init__(self, tolerance):
        self.tolerance = tolerance

    def check_output(self, want, got, flags):
        if super().check_output(want, got, flags):
            return True
        wanted, found = ([float(each) for each in self.number.findall(text)] for text in (want, got))
        alike = self.number.sub("#", want).split() == self.number.sub("#", got).split()
        close = all(abs(a - b) <= self.tolerance * max(abs(a), abs(b)) for a, b in zip(wanted, found, strict=alike))
        return self.tolerance > 0 and alike and close


def run_console(body, folder, place):
    scripts = sysconfig.get_path("scripts")
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120", "TERM": "dumb"}
    for command, wanted in commands(body):
        found = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, text=True, check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        got = found.stdout + (f"[exit {found.returncode}]\n" if found.returncode else "")
        assert doctest.OutputChecker().check_output(wanted, got, FLAGS), (
            f"{place}: $ {command}\n{got}\nwanted:\n{wanted}"
        )


def run_page(path, folder):
    """Every example of a page in its order, Python in one namespace, all in one folder."""
    text = path.read_text(encoding="utf-8")
    runner = doctest.DocTestRunner(Close(front_matter(text).get("tolerance", 0)), optionflags=FLAGS)
    names = {"__name__": "__main__"}
    for language, body, line in fences(text):
        place = f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}, line {line}"
        assert language != "python" or ">>> " in body, f"{place}: a python block without >>> would not be run"
        if language == "python":
            test = doctest.DocTestParser().get_doctest(body, names, path.name, str(path), line)
            said = []
            runner.run(test, out=said.append, clear_globs=False)
            names = test.globs
            assert not any(said), "".join(said)
        elif language == "console":
            run_console(body, folder, place)


def parameter(path):
    text = path.read_text(encoding="utf-8")
    marks = [pytest.mark.slow] if front_matter(text).get("slow") else []
    return pytest.param(path, id=str(path.relative_to(DOCS)), marks=marks)


RUN = [each for each in PAGES if re.search(r"^`{3,}(python|console)", each.read_text(encoding="utf-8"), re.MULTILINE)]


@pytest.mark.parametrize("path", [parameter(each) for each in RUN])
def test_examples_of_a_page(path, tmp_path, monkeypatch):
    for name in front_matter(path.read_text(encoding="utf-8")).get("needs", []):
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    run_page(path, tmp_path)


@pytest.mark.parametrize(
    "block",
    [
        "```python\n>>> 1 + 1\n3\n```",
        "```python\n1 + 1\n```",
        "```console\n$ echo a\nb\n```",
        "```console\n$ exit 2\n```",
    ],
    ids=["wrong value", "not run", "wrong output", "exit status"],
)
def test_a_wrong_example_fails(block, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{block}\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        run_page(page, tmp_path)


@pytest.mark.parametrize(("got", "passes"), [("a 10.4 ± 1", True), ("a 12 ± 1", False), ("b 10 ± 1", False)])
def test_numbers_within_the_tolerance_of_a_page(got, passes, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"---\ntolerance: 0.1\n---\n```python\n>>> print('{got}')\na 10 ± 1\n```\n", encoding="utf-8")
    if passes:
        run_page(page, tmp_path)
    else:
        with pytest.raises(AssertionError):
            run_page(page, tmp_path)


def test_right_examples_pass(tmp_path):
    page = tmp_path / "page.md"
    blocks = [
        "```python\n>>> a = 2\n```",
        ":::{note}\n```python\n>>> a\n2\n```\n:::",
        "```console\n$ false\n[exit 1]\n```",
    ]
    page.write_text("\n\n".join(blocks), encoding="utf-8")
    run_page(page, tmp_path)
