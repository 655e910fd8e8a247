"""The engine `ray`: shards go through Ray Data's actors, on one machine or on a cluster.

Every actor holds the work (https://docs.ray.io/en/latest/data/transforming-data.html, "Stateful transforms"), takes one
shard at a time and sends its table back to this process, so that workers need no folder in common. A dead actor is
started anew and its task repeated without end, Ray Data's own choice, for machines may come and go; what bounds it is a
tally outside the workers: a shard that was begun `ATTEMPTS` times and never finished is given up, by its name.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from plaplace.extras import require
from plaplace.scan.engines.ray_session import connected, quiet, sentences
from plaplace.scan.engines.ray_worker import ATTEMPTS, Tally, Worker, opened
from plaplace.scan.work import Shard, Work

if TYPE_CHECKING:
    import pyarrow

__all__ = ["map_ray"]


def map_ray(
    work: Work,
    shards: Iterable[Shard],
    *,
    address: str | None = None,
    workers: int | None = None,
    gpus_per_worker: float = 0.0,
    threads: int = 1,
) -> Generator[tuple[Shard, pyarrow.Table], None, None]:
    """The table of every shard, in the order in which they are finished.

    Ray is started or joined at the first `next` and left when the iterator ends, fails or is closed: a Ray of its own
    is stopped; a cluster, or a Ray that this process had started before, goes on without the workers.

    Args:
        work: pickled once.
        shards: no two alike.
        address: of a running cluster: "auto" (this machine's) or "HOST:PORT" of its head. None: a Ray of its own, on
            this machine alone.
        workers: number of actors; of those that find no room some wait. None: as many as there is room for.
        gpus_per_worker: what one worker takes; a fraction lets several share one.
        threads: CPUs of one worker, and torch's threads in it.

    Raises:
        ImportError: Ray is missing.
        ValueError: `workers`, `gpus_per_worker` or `threads` cannot be; no machine has room for one worker; an address
            in a process that uses another Ray already.
        ConnectionError: there is no cluster at `address`.
        RuntimeError: a shard ended its worker `ATTEMPTS` times, or Ray failed.
        Exception: what `work` raised, with the same message: a `ValueError`, an `OSError`, an `ImportError`, a
            `MemoryError`, and a `RuntimeError` in place of all others.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}, but must be at least 1, or None for as many as there is room for")
    if not gpus_per_worker >= 0:
        raise ValueError(f"gpus_per_worker is {gpus_per_worker}, but must be at least 0")
    if threads < 1:
        raise ValueError(f"threads is {threads}, but must be at least 1")
    ray = require("ray", "ray", "the engine ray")
    require("ray.data", "ray", "the engine ray")
    return _tables(ray, work, list(shards), address, workers, gpus_per_worker, threads)


def _tables(
    ray: Any, work: Work, shards: list[Shard], address: str | None, workers: int | None, gpus: float, threads: int
) -> Generator[tuple[Shard, pyarrow.Table], None, None]:
    if not shards:
        return
    with quiet(), sentences(ray), connected(ray, address, None if workers is None else workers * threads):
        room = _room(ray, gpus, threads)
        tally = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Tally).remote()
        with ray.data.DataContext.current(_context(ray)):
            rows = ray.data.from_items([asdict(shard) for shard in shards], override_num_blocks=len(shards))
            answers = rows.map_batches(
                Worker,
                fn_constructor_args=(ray.put(work), tally, threads),
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=min(workers or room, len(shards))),
                num_cpus=threads,
                num_gpus=gpus or None,
                runtime_env={"env_vars": {"OMP_NUM_THREADS": str(threads)}},
            )
            batches = iter(answers.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=0))
        try:
            yield from map(opened, batches)
        finally:
            batches.close()
            ray.kill(tally)


def _context(ray: Any) -> Any:
    """Ray Data's settings: no progress bar, results as they finish, no failure passed over, no limit of time."""
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = False
    context.max_errored_blocks = 0
    context.max_consecutive_actor_init_deaths = ATTEMPTS - 1
    context.execution_no_progress_timeout_s = -1
    return context


def _room(ray: Any, gpus: float, threads: int) -> int:
    """The number of workers that all machines hold together."""
    room = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            fits = has.get("CPU", 0.0) / threads
            room += int(min(fits, has.get("GPU", 0.0) / gpus) + 1e-9) if gpus else int(fits)
    if not room:
        raise ValueError(f"no machine of Ray has room for a worker of threads={threads} and gpus_per_worker={gpus:g}")
    return room
