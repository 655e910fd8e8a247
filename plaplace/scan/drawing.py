"""The stage "generate": samples of the model, drawn shard by shard into `OUT/generated` before they are scanned."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from importlib.metadata import version

from plaplace.models import Prompts
from plaplace.scan import store
from plaplace.scan.engines import engine
from plaplace.scan.generating import Generating, condition_of, read_prompts
from plaplace.scan.loading import Loader
from plaplace.scan.manifest import NAME, Manifest, read_manifest, write_manifest
from plaplace.scan.options import Options, Progress
from plaplace.scan.ranks import Ranks, wait_for

__all__ = ["TOGETHER", "draw_images"]

TOGETHER = 16  # samples of one shard, and of one call of the network


def draw_images(options: Options, loader: Loader, ranks: Ranks, progress: Progress) -> None:
    """Draw the samples that are not there yet.

    Raises:
        ValueError: prompts for a model that takes none, none for one that does, or samples of another configuration.
    """
    prompts = read_prompts(options.prompts)
    if prompts and not isinstance(getattr(loader(), "conditions", None), Prompts):
        raise ValueError("prompts were given; the model takes none")
    work = Generating(loader, options.seed, TOGETHER, loader.device or "cpu", not options.unconditional, prompts)
    condition_of(loader(), 0, work.conditional, prompts)
    folder = options.out / "generated"
    described = {
        "count": options.generate, "seed": options.seed, "prompts": list(prompts), "model": loader.sha256(),
        "unconditional": options.unconditional, "device": options.device, "dtype": options.dtype,
        "threads": options.threads, "versions": {name: version(name) for name in ("plaplace", "torch")},
    }  # fmt: skip
    manifest = Manifest(described, {"generate": options.generate}, TOGETHER, {"model": loader.name})
    if ranks.first:
        if (folder / NAME).exists():
            read_manifest(folder).check(described, folder)
        write_manifest(manifest, folder)
    shards, done = manifest.shards("generate"), 0
    there = {shard for shard in ranks.mine(shards) if store.read(folder, shard, manifest.digest) is not None}
    missing = [shard for shard in ranks.mine(shards) if shard not in there]
    done = sum(shard.stop - shard.start for shard in there)
    if missing:
        with closing(engine(options)(work, missing)) as answers:
            for shard, table in answers:
                store.commit(folder, shard, table, manifest.digest)
                done += len(table)
                progress("generate", done, options.generate, 0)
    for shard in shards if ranks.size > 1 else ():
        wait_for(partial(store.read, folder, shard, manifest.digest), "a sample", folder)
