"""Two revisions side by side: a worker process each (`worker.py`), only one of them busy at a time."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
# glibc gives freed blocks back to the system or keeps them, as the process's past happens to have it; with fresh pages
# a call can take twice as long. Here they are kept
HEAP = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**40)}


class Broken(Exception):
    """A benchmark raised, or its process died; `where` is the revision it happened in."""

    def __init__(self, message, where):
        super().__init__(message)
        self.where = where


class Revision:
    """The worker of one source tree, on one thread. With `lenient`, modules that do not import there are left out."""

    def __init__(self, root, lenient=False):
        # the path comes before what is installed: the package is that tree's
        own = {"PYTHONPATH": str(root)} | {f"{each}_NUM_THREADS": "1" for each in ("OMP", "MKL", "OPENBLAS")} | HEAP
        command = [sys.executable, str(FOLDER / "worker.py"), *(["--lenient"] if lenient else [])]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | own,
        )
        listed = self.ask("list")
        if Path(listed["package"]) != Path(root).resolve() / "plaplace":
            raise Broken(f"the package is {listed['package']}, not that of {root}", self)
        self.benchmarks = listed["benchmarks"]

    def ask(self, do, **rest):
        """One request.

        Raises:
            Broken: the answer is an error, or there is none.
        """
        try:
            self.process.stdin.write(json.dumps({"do": do} | rest) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Broken(f"the process ended with status {self.process.wait()}", self)
        answer = json.loads(line)
        if "error" in answer:
            raise Broken(answer["error"], self)
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@contextmanager
def worktree(revision):
    """A checkout of that revision, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(path), revision], check=True)
        try:
            yield path
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], check=True)
