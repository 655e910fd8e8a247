"""`plaplace scan` in processes that start at once, and that die when and where a test says."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from pathlib import Path

import torch

import plaplace.scan.run  # noqa: F401 (loaded before the fork, which then takes no seconds)
from plaplace.cli import app
from plaplace.scan import estimate

__all__ = ["begin", "finish", "scan"]

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def begin(arguments, log, *, seconds=0.2, environment=None, file_bytes=None, steps=None):
    """A process with `plaplace scan ARGUMENTS`, begun.

    Args:
        log: file for what it says.
        seconds: of a shard, where the scan would take 10.
        file_bytes: the length that no file may exceed.
        steps: after that many changes of the folder `--out` it is killed.
    """
    given = [str(each) for each in arguments]
    process = _CONTEXT.Process(target=_run, args=(given, str(log), seconds, environment or {}, file_bytes, steps))
    process.start()
    return process


def finish(process, timeout=120):
    """Its exit code."""
    process.join(timeout)
    assert process.exitcode is not None, "the scan does not come to an end"
    return process.exitcode


def scan(arguments, log, **given):
    """Exit code of a scan that runs to its end, and what it said."""
    code = finish(begin(arguments, log, **given))
    return code, Path(log).read_text()


def _run(arguments, log, seconds, environment, file_bytes, steps):
    os.environ.update(environment)
    with open(log, "wb") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    torch.set_num_threads(1)
    estimate._SECONDS = seconds
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if steps is not None:
        _die_after(steps, arguments[arguments.index("--out") + 1])
    app(["scan", *arguments], prog_name="plaplace")


def _die_after(steps, folder):
    left = steps

    def look(event, arguments):
        nonlocal left
        if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "open") and str(arguments[0]).startswith(folder):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
