"""What the engine `ray` does on a worker: one shard at a time to one table, sent as bytes."""

from __future__ import annotations

import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

from plaplace.extras import require
from plaplace.scan.work import Shard, Work

if TYPE_CHECKING:
    import pyarrow

__all__ = ["ATTEMPTS", "Tally", "Worker", "answered", "opened"]

ATTEMPTS = 3

_KINDS = {kind.__name__: kind for kind in (ValueError, OSError, ImportError, MemoryError, RuntimeError)}


class Tally:
    """How often each shard was begun since it was last finished; an actor of its own, outside the workers."""

    def __init__(self) -> None:
        self.begun: Counter[Shard] = Counter()

    def begin(self, shard: Shard) -> int:
        """The number of times, this one included."""
        self.begun[shard] += 1
        return self.begun[shard]

    def finish(self, shard: Shard) -> None:
        """The shard has a table or an error."""
        del self.begun[shard]


class Worker:
    """Takes a row with a shard to the same row with its table in Arrow's stream format, or with what was raised.

    Bytes, because Ray Data may join and convert the columns of tables; an error as text, because Ray would wrap it.
    """

    def __init__(self, work: Any, tally: Any, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.ray = require("ray", "ray", "the engine ray")
        self.work: Work = self.ray.get(work)
        self.tally = tally

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """One row in, one row out."""
        import pyarrow

        (row,) = batch.to_pylist()
        shard = Shard(**row)
        if self.ray.get(self.tally.begin.remote(shard)) > ATTEMPTS:
            answer = _raised(RuntimeError(_given_up(shard)))
        else:
            answer = answered(self.work, shard)
            self.ray.get(self.tally.finish.remote(shard))
        return pyarrow.Table.from_pylist([row | answer])


def answered(work: Work, shard: Shard) -> dict[str, Any]:
    """What goes into the row besides the shard."""
    try:
        return {"table": _packed(work(shard)), "kind": "", "message": "", "trace": ""}
    except Exception as error:
        return _raised(error)


def opened(batch: pyarrow.Table) -> tuple[Shard, pyarrow.Table]:
    """The shard and the table of a row that a worker made.

    Raises:
        Exception: what the work raised.
    """
    import pyarrow

    (row,) = batch.to_pylist()
    table, kind, message, trace = (row.pop(name) for name in ("table", "kind", "message", "trace"))
    if kind:
        error = _KINDS[kind](message)
        error.add_note(f"on a worker of Ray:\n{trace}")
        raise error
    return Shard(**row), pyarrow.ipc.open_stream(table).read_all()


def _packed(table: pyarrow.Table) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def _raised(error: Exception) -> dict[str, Any]:
    kind = next((name for name, kind in _KINDS.items() if isinstance(error, kind)), "")
    message = str(error) if kind and str(error) else f"{type(error).__name__}: {error}"
    return {"table": b"", "kind": kind or "RuntimeError", "message": message, "trace": traceback.format_exc()}


def _given_up(shard: Shard) -> str:
    return (
        f"shard {shard.number} of {shard.stage} (images {shard.start} to {shard.stop - 1}) ended its worker {ATTEMPTS} "
        "times: out of memory, or a crash in the network or in what reads the images"
    )
