"""A Ray for the time of a scan: started or joined quietly, its errors as sentences, and left as it was found."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["connected", "quiet", "sentences"]

# Ray's least is 75 MiB; a part of the table takes well under 1 MiB.
_STORE_BYTES = 256 * 2**20


@contextlib.contextmanager
def connected(ray: Any, address: str | None, cpus: int | None) -> Iterator[None]:
    """Joined to a Ray; the handler of SIGTERM, which `ray.init` replaces, is kept."""
    if ray.is_initialized():
        if address is not None:
            raise ValueError(f"address is {address!r}, but this process uses a Ray already; call ray.shutdown() first")
        yield
        return
    if address is not None:
        _knock(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        own = {"num_cpus": cpus, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
        try:
            with _muted():
                ray.init(
                    address or "local",
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    **({} if address else own),
                )
        except ConnectionError as error:
            raise ConnectionError(f"{error}; a cluster that wants a token needs RAY_AUTH_MODE=token here") from error
        finally:
            if main:
                signal.signal(signal.SIGTERM, handler)
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raises ConnectionError where nothing listens; `ray.init` would try for minutes."""
    host, colon, port = address.rpartition(":")
    if address == "auto":
        return
    if "/" in address or not colon or not port.isdecimal():
        raise ValueError(f"address is {address!r}; accepted are 'auto' and HOST:PORT of a Ray cluster's head")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"there is no Ray cluster at {address}: {error}") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Ray reports by exceptions alone."""
    loggers = [logging.getLogger(name) for name in ("ray", "ray.data")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Without what Ray's compiled part writes to the process's stderr about RAY_BACKEND_LOG_LEVEL."""
    stderr = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


@contextlib.contextmanager
def sentences(ray: Any) -> Iterator[None]:
    """Ray's own errors, pages long, as the line that says why."""
    try:
        yield
    except ray.exceptions.RayError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise RuntimeError(f"Ray failed: {lines[-1]}") from error
