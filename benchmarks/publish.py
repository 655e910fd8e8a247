"""`make bench-publish`: the recorded results as pages in build/asv, which open from disk without the network.

python -m benchmarks.publish [--try]        --try: what `record.py --try` left in build/asv-try
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.vendor import vendor

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent


def publish(results, pages):
    """Run asv on the results of that folder and make its pages whole."""
    home = ROOT / "build" / "asv-home"
    home.mkdir(parents=True, exist_ok=True)
    conf = json.loads((FOLDER / "asv.conf.json").read_text(encoding="utf-8"))
    paths = {"repo": ROOT, "benchmark_dir": FOLDER / "benchmarks", "results_dir": results, "html_dir": pages}
    path = home / "publish.conf.json"
    path.write_text(json.dumps(conf | {key: str(value) for key, value in paths.items()}), encoding="utf-8")
    shutil.rmtree(pages, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "asv", "--config", str(path), "publish", "--no-pull"],
                   check=True, env=os.environ | {"HOME": str(home), "PYTHONPATH": str(FOLDER)})  # fmt: skip
    vendor(pages)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--try", dest="trial", action="store_true", help="what was recorded with --try")
    results = ROOT / ("build/asv-try" if parser.parse_args().trial else "results/asv")
    if not any(results.glob("*/machine.json")):
        sys.exit(f"{results.relative_to(ROOT)} has no results: run `make bench` first")
    pages = ROOT / "build" / "asv"
    publish(results, pages)
    print(f"open {pages.relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    main()
