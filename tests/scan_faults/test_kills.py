"""Killed and stopped processes: no row is lost, none is there twice, no bit differs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.scan_faults.common import HINT, asked, digits, finished, same, wait
from tests.scan_processes import begin, finish, scan

pytestmark = pytest.mark.slow


def test_twenty_kills_at_random_times(root, truth, tmp_path):
    rng, killed, ended = np.random.default_rng(0), [], 0
    out, log = tmp_path / "out", tmp_path / "log"
    while len(killed) < 20 and ended < 3:
        process = begin(asked(root, out, "folder", "--resume"), log)
        time.sleep(rng.uniform(0.05, 1.0))
        process.kill()
        if finish(process) == -signal.SIGKILL:
            killed.append(len(finished(out)))
        else:  # it was faster, and all is measured
            ended += 1
            shutil.rmtree(out / "parts")
    assert len(killed) == 20, killed
    assert killed[-1] > 0, "no scan came far enough to have something to lose"
    code, said = scan(asked(root, out, "folder", "--resume"), log)
    assert code == 0, said
    same(out, truth("folder"))
    print(f"parts after each kill: {killed}; sessions that ended before theirs: {ended}")


def test_killed_before_every_change_of_the_folder(root, tmp_path):
    """The n-th session dies before its n-th step: opening, renaming or removing a file of the output."""
    images = tmp_path / "images.npy"
    np.save(images, digits(160, 2))
    arguments = [*asked(root, tmp_path / "out", "images.npy"), "--images", images]
    assert scan([*arguments, "--out", tmp_path / "whole"], tmp_path / "log")[0] == 0
    for steps in range(200):
        process = begin([*arguments, "--resume"], tmp_path / "log", seconds=0.02, steps=steps)
        code = finish(process)
        if code == 0:
            break
        assert code == -signal.SIGKILL, (steps, (tmp_path / "log").read_text())
    assert code == 0 and steps > 30
    same(tmp_path / "out", tmp_path / "whole")
    print(f"{steps} sessions were killed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal(root, truth, tmp_path, number):
    out, log = tmp_path / "out", tmp_path / "log"
    process = begin(asked(root, out), log)
    wait(process, out, 3)
    os.kill(process.pid, number)
    assert finish(process, timeout=20) == 128 + number
    said = log.read_text()
    assert "stopped" in said and HINT in " ".join(said.split()) and "Traceback" not in said
    assert scan(asked(root, out, "images.npy", "--resume"), log)[0] == 0
    same(out, truth())


def test_one_of_two_ranks_is_killed(root, truth, tmp_path):
    out = tmp_path / "out"

    def both(*more):
        return [
            begin(asked(root, out, "folder", *more), tmp_path / f"log{rank}",
                  environment={"RANK": str(rank), "WORLD_SIZE": "2"})
            for rank in (0, 1)
        ]  # fmt: skip

    first, second = both()
    wait(second, out, 3)
    second.kill()
    assert finish(second) == -signal.SIGKILL
    time.sleep(1)
    assert first.exitcode is None, "a rank must wait for the other"
    os.kill(first.pid, signal.SIGTERM)
    assert finish(first, timeout=20) == 128 + signal.SIGTERM
    codes = [finish(each) for each in both("--resume")]
    assert codes == [0, 0], [(tmp_path / f"log{rank}").read_text() for rank in (0, 1)]
    same(out, truth("folder"))


def workers_of(mark):
    """Process numbers of Ray's workers that have a shard in hand, of the scan with this mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (
                    mark.encode() in (entry / "environ").read_bytes()
                    and b"MapWorker" in (entry / "cmdline").read_bytes()
                ):
                    found.append(int(entry.name))
    return found


def test_under_ray(root, truth, tmp_path):
    """A driver that is told to stop, then workers that are killed under the one that goes on."""
    pytest.importorskip("ray")
    out, mark = tmp_path / "out", f"PLAPLACE_TEST_MARK={tmp_path}"
    ray = ["--engine", "ray", "--workers", 2]

    def driver(*more):
        return begin(asked(root, out, "images.parquet", *ray, *more), tmp_path / "log", seconds=0.05,
                     environment={"PLAPLACE_TEST_MARK": str(tmp_path)})  # fmt: skip

    process = driver()
    wait(process, out, 2)
    os.kill(process.pid, signal.SIGTERM)
    assert finish(process, timeout=30) == 128 + signal.SIGTERM, (tmp_path / "log").read_text()
    before = len(finished(out))
    assert before < len(finished(truth("images.parquet")))
    process = driver("--resume")
    wait(process, out, before + 1)
    killed = workers_of(mark)
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    code = finish(process)
    assert code == 0, (tmp_path / "log").read_text()
    assert killed
    same(out, truth("images.parquet"))
    print(f"{len(killed)} workers were killed", file=sys.stderr)
