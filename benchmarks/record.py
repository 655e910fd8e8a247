"""`make bench`: the suite on the current commit, in the configurations of this machine, under results/asv.

    python -m benchmarks.record [--config NAME] [--bench REGEX] [--try]

Without `--try` the tree must be clean: results are filed under the commit. With it they go to build/asv-try.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import configurations, machine

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
MEASURED = ("plaplace", "benchmarks", "reference")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def changed(status):
    """Lines of `git status --porcelain` that are of what is measured."""
    return [line for line in status.splitlines() if line[3:].split("/")[0] in MEASURED]


def accelerator():
    """The name of the CUDA device, or ""."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def numpy_features():
    """What numpy can be told to leave out; its versions name them differently."""
    try:
        from numpy._core._multiarray_umath import __cpu_dispatch__
    except ImportError:
        return []
    return list(__cpu_dispatch__)


def settings(home, said, results):
    """Write asv's files into `home`: the machine, so that nothing is asked, and the paths. The path of the latter."""
    home.mkdir(parents=True, exist_ok=True)
    (home / ".asv-machine.json").write_text(json.dumps({said["machine"]: said, "version": 1}), encoding="utf-8")
    conf = json.loads((FOLDER / "asv.conf.json").read_text(encoding="utf-8"))
    paths = {"repo": ROOT, "benchmark_dir": FOLDER / "benchmarks", "results_dir": results}
    path = home / "asv.conf.json"
    path.write_text(json.dumps(conf | {key: str(value) for key, value in paths.items()}), encoding="utf-8")
    return path


def record(configuration, commit, results, bench):
    """Run asv; its exit status, 2 where a benchmark failed."""
    said = machine.describe(configuration.name, accelerator() if configuration.device == "cuda" else "")
    home = ROOT / "build" / "asv-home"
    conf = settings(home, said, results)
    command = [sys.executable, "-m", "asv", "--config", str(conf), "run", "--show-stderr", "--set-commit-hash", commit,
               "--machine", said["machine"], *(["--bench", bench] if bench else [])]  # fmt: skip
    # the plugin is beside this file; asv keeps its list of machines in the home folder
    own = {"HOME": str(home), "PYTHONPATH": str(FOLDER)}
    start = time.monotonic()
    status = subprocess.run(command, env=os.environ | configuration.variables(numpy_features()) | own).returncode
    print(f"{said['machine']}: {time.monotonic() - start:.0f} s", flush=True)
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", default="", help="one of the configurations instead of all")
    parser.add_argument("--bench", default="", help="only benchmarks whose name matches")
    parser.add_argument("--try", dest="trial", action="store_true", help="record in build/asv-try, whatever the tree")
    asked = parser.parse_args()
    differs = changed(git("status", "--porcelain"))
    if differs and not asked.trial:
        sys.exit("results are filed under a commit, and these differ from it: commit them, or use --try (make bench "
                 f"TRY=1)\n{chr(10).join(differs)}")  # fmt: skip
    possible = configurations.defaults(os.cpu_count() or 1, machine.flags(), bool(accelerator()))
    try:
        wanted = configurations.chosen(asked.config, possible)
    except ValueError as error:
        sys.exit(str(error))
    results = ROOT / ("build/asv-try" if asked.trial else "results/asv")
    statuses = [record(each, git("rev-parse", "HEAD"), results, asked.bench) for each in wanted]
    sys.exit(max(statuses))


if __name__ == "__main__":
    main()
