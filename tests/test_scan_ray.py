"""The engine `ray`: the same tables, whatever happens to its workers, and nothing left behind."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
import torch

from plaplace.scan.engines import ray as engine
from plaplace.scan.engines.ray_session import connected, quiet
from plaplace.scan.engines.ray_worker import ATTEMPTS, answered, opened
from plaplace.scan.work import Shard

SHARDS = [Shard("images", number, 5 * number, 5 * number + 5) for number in range(12)]


@dataclass(frozen=True)
class Noise:
    """A table that a shard alone determines, with types that Ray Data would touch, and the worker's process beside it.

    Attributes:
        folder: where the workers leave their marks.
        deadly: number of the shard that ends its worker; -1 for none.
        times: how often it does.
        seconds: that a shard takes.
    """

    folder: Path
    deadly: int = -1
    times: int = 1
    seconds: float = 0.0

    def __getstate__(self) -> dict[str, object]:
        with (self.folder / "pickled").open("a") as marks:
            marks.write("once\n")
        return dict(vars(self))

    def __call__(self, shard: Shard) -> pa.Table:
        time.sleep(self.seconds)
        with (self.folder / f"{shard.number}").open("a") as marks:
            marks.write(f"{os.getpid()} {torch.get_num_threads()} {os.environ['OMP_NUM_THREADS']}\n")
        if shard.number == self.deadly and len(marked(self.folder, shard)) <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.table(shard)

    def table(self, shard: Shard) -> pa.Table:
        draws = torch.randn(shard.stop - shard.start, 3, generator=torch.Generator().manual_seed(shard.number))
        columns = {
            "key": pa.array([f"{index}é" for index in range(shard.start, shard.stop)]).dictionary_encode(),
            "score": pa.array([*draws[:-1, 0].tolist(), float("nan")], pa.float32()),
            "per_level": pa.FixedSizeListArray.from_arrays(draws.double().flatten().numpy(), 3),
            "reason": pa.array([None] * len(draws), pa.string()),
        }
        return pa.table(columns).replace_schema_metadata({"seed": str(shard.number)})


class Raises:
    """Work that cannot be done."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, shard: Shard) -> pa.Table:
        raise self.error


def marked(folder: Path, shard: Shard) -> list[str]:
    return (folder / f"{shard.number}").read_text().splitlines()


def same(received: list[tuple[Shard, pa.Table]], work: Noise, shards: list[Shard]) -> None:
    """Every shard once, every table with the same bits, types and metadata."""
    assert sorted(shard for shard, _ in received) == shards
    for shard, table in received:
        expected = work.table(shard)
        assert table.schema.equals(expected.schema, check_metadata=True), f"{shard}: {table.schema}"
        assert [column.to_pylist() for column in table.columns[:1] + table.columns[2:]] == [
            column.to_pylist() for column in expected.columns[:1] + expected.columns[2:]
        ]
        assert table["score"].to_numpy().tobytes() == expected["score"].to_numpy().tobytes(), f"{shard}"


@pytest.fixture(scope="module")
def shared_ray() -> Iterator[None]:
    """A Ray that the calls find running."""
    ray = pytest.importorskip("ray")
    with quiet(), connected(ray, None, 2):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("shared_ray")
class TestWithinOneRay:
    def test_same_tables_two_workers_one_thread(self, tmp_path):
        work = Noise(tmp_path, seconds=0.05)
        same(list(engine.map_ray(work, SHARDS, workers=2)), work, SHARDS)
        lines = [line.split() for shard in SHARDS for line in marked(tmp_path, shard)]
        assert len({process for process, _, _ in lines}) == 2
        assert {(threads, variable) for _, threads, variable in lines} == {("1", "1")}
        assert (tmp_path / "pickled").read_text() == "once\n"

    def test_killed_worker(self, tmp_path):
        work = Noise(tmp_path, deadly=4, seconds=0.05)
        same(list(engine.map_ray(work, SHARDS, workers=2)), work, SHARDS)
        assert len(marked(tmp_path, SHARDS[4])) == 2

    def test_shard_that_always_kills(self, tmp_path):
        work = Noise(tmp_path, deadly=4, times=100, seconds=0.05)
        received = engine.map_ray(work, SHARDS, workers=2)
        with pytest.raises(
            RuntimeError, match=rf"shard 4 of images \(images 20 to 24\) ended its worker {ATTEMPTS} times"
        ):
            list(received)
        assert len(marked(tmp_path, SHARDS[4])) == ATTEMPTS

    def test_error_of_the_work(self):
        with pytest.raises(ValueError, match="levels: 3 are given") as caught:
            list(engine.map_ray(Raises(ValueError("levels: 3 are given")), SHARDS, workers=2))
        assert str(caught.value) == "levels: 3 are given"
        assert "raise self.error" in caught.value.__notes__[0]

    def test_address_beside_a_ray(self):
        with pytest.raises(ValueError, match=r"address is 'auto', but this process uses a Ray already"):
            next(engine.map_ray(Raises(ValueError()), SHARDS, address="auto"))

    def test_no_room(self):
        with pytest.raises(ValueError, match="no machine of Ray has room for a worker of threads=3"):
            next(engine.map_ray(Raises(ValueError()), SHARDS, threads=3))


PROGRAM = """
import signal
import sys
import time
from pathlib import Path
from plaplace.scan.engines.ray import map_ray
from tests.test_scan_ray import SHARDS, Noise

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background has it ignored
    tables = map_ray(Noise(Path(sys.argv[1]), seconds=0.2), SHARDS, workers=2)
    for shard, table in tables:
        print(shard.number, flush=True)
        if sys.argv[2] == "close":
            tables.close()
            print("closed", flush=True)
            time.sleep(60)
"""


def processes(mark: str) -> list[str]:
    """What runs with this in its environment: all that a program started.

    Two helpers of Ray's that look after their parent themselves, and end up to a minute after a kill, are left out.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text().replace("\0", " ").strip())
    return [command for command in found if command not in ("ray::DashboardAgent", "ray::RuntimeEnvAgent")]


def left(mark: str, allowed: int) -> list[str]:
    """What still runs when it is no more than allowed, or after half a minute."""
    end = time.monotonic() + 30
    while len(processes(mark)) > allowed and time.monotonic() < end:
        time.sleep(0.1)
    return processes(mark)


@contextlib.contextmanager
def started(folder: Path, ending: str) -> Iterator[subprocess.Popen[str]]:
    """A program that has its first table from a Ray of its own."""
    pytest.importorskip("ray")
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), ending],
        env=os.environ | {"PLAPLACE_TEST_MARK": str(folder), "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline().strip().isdigit(), program.communicate()[1]
        yield program
    finally:
        program.kill()
        program.communicate()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
class TestNothingIsLeftRunning:
    def test_iterator_closed(self, tmp_path):
        """The process goes on, its Ray does not; and nobody has written to the terminal."""
        with started(tmp_path, "close") as program:
            assert program.stdout is not None
            # a loaded machine's raylet may tell of a worker that was ended, on the same stream
            assert "closed\n" in (line for line in program.stdout if not line.startswith("\x1b[33m(raylet)"))
            assert len(left(f"PLAPLACE_TEST_MARK={tmp_path}", allowed=1)) == 1
            program.kill()
            assert program.communicate()[1] == ""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
    def test_driver_stopped(self, tmp_path, number):
        with started(tmp_path, "wait") as program:
            assert len(processes(f"PLAPLACE_TEST_MARK={tmp_path}")) > 3
            for _ in range(3):  # an interrupt that falls into a callback of Ray's is swallowed: one presses again
                program.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    program.wait(timeout=20)
                    break
            _, errors = program.communicate(timeout=20)
            assert program.returncode == -number, errors
            assert left(f"PLAPLACE_TEST_MARK={tmp_path}", allowed=0) == []


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (FileNotFoundError(2, "No such file", "a.png"), OSError, "[Errno 2] No such file: 'a.png'"),
        (torch.OutOfMemoryError("out of memory"), RuntimeError, "out of memory"),
        (KeyError("level"), RuntimeError, "KeyError: 'level'"),
        (ValueError(), ValueError, "ValueError: "),
    ],
    ids=["file", "torch", "other", "empty"],
)
def test_errors_travel_as_text(error, kind, message):
    row = vars(SHARDS[0]) | answered(Raises(error), SHARDS[0])
    with pytest.raises(kind) as caught:
        opened(pa.Table.from_pylist([row]))
    assert str(caught.value) == message


def test_missing_ray(monkeypatch):
    load = importlib.import_module

    def without(name: str) -> object:
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return load(name)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(ImportError, match=r"ray is needed for the engine ray .* pip install 'plaplace\[ray\]'"):
        engine.map_ray(Raises(ValueError()), SHARDS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workers": 0}, "workers is 0, but must be at least 1, or None"),
        ({"gpus_per_worker": -1.0}, "gpus_per_worker is -1.0, but must be at least 0"),
        ({"gpus_per_worker": float("nan")}, "gpus_per_worker is nan, but must be at least 0"),
        ({"threads": 0}, "threads is 0, but must be at least 1"),
    ],
)
def test_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        engine.map_ray(Raises(ValueError()), SHARDS, **given)
