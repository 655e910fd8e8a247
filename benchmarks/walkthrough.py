"""The README's walk-through over several seeds: are the planted duplicates found, and what else?

`python benchmarks/walkthrough.py --out results/scan` trains and scans as the README does, once a seed, and writes
walkthrough.csv: planted images found, other training images called memorized, seconds. Then the planted images are
scanned among 200 that were seen once and 100 that were never seen, against the others that were held out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from plaplace import scan

TRAIN = "--data digits --num-train 500 --duplicates 20x30 --recipe image-mlp --steps 400 --pictures --threads 1"
UNSEEN = 100


def plaplace(*arguments: object) -> float:
    """Seconds of a command."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "plaplace.cli", *map(str, arguments)], check=True, capture_output=True)
    return time.monotonic() - start


def walk(folder: Path, seed: int) -> dict[str, object]:
    """One seed: a row of the table."""
    run, pictures = folder / "run", folder / "run" / "pictures"
    training = plaplace("train", *TRAIN.split(), "--seed", seed, "--out", run)
    scanning = plaplace("scan", "--model", run, "--images", pictures / "training", "--reference", pictures / "held-out",
                        "--out", folder / "scan")  # fmt: skip
    times = pd.read_csv(pictures / "times.csv").set_index("file").times
    table = pd.read_parquet(folder / "scan" / "scores.parquet")
    table["times"] = times["training/" + table.key].to_numpy()
    found = table[table.verdict == "memorized"]
    both, reference = folder / "both", folder / "reference"
    both.mkdir()
    reference.mkdir()
    once = sorted(table.key[table.times == 1])[::3][: UNSEEN * 2]
    for key in [*table.key[table.times > 1], *once]:
        shutil.copy(pictures / "training" / key, both)
    for number, file in enumerate(sorted((pictures / "held-out").glob("*.png"))):
        shutil.copy(file, both / f"unseen-{file.name}" if number % 10 == 0 else reference)
    mixed = scan.run(run, both, folder / "mixed", reference=reference)
    discovered = mixed[mixed.verdict == "memorized"].key
    planted = set(table.key[table.times > 1])
    return {
        "seed": seed,
        "planted": int((table.times > 1).sum()),
        "planted_found": int((found.times > 1).sum()),
        "once": int((table.times == 1).sum()),
        "once_found": int((found.times == 1).sum()),
        "largest_q_of_planted": float(table[table.times > 1].q_value.max()),
        "mixed": len(mixed),
        "mixed_planted_found": int(discovered.isin(planted).sum()),
        "mixed_once_found": int(discovered.isin(once).sum()),
        "mixed_unseen_found": int(discovered.str.startswith("unseen-").sum()),
        "train_seconds": round(training, 1),
        "scan_seconds": round(scanning, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in range(asked.seeds):
        folder = asked.out / f"walk-{seed}"
        rows.append(walk(folder, seed))
        print(rows[-1], flush=True)
        shutil.rmtree(folder)
        pd.DataFrame(rows).to_csv(asked.out / "walkthrough.csv", index=False)


if __name__ == "__main__":
    main()
