"""Judge somebody else's implementation: an estimator, an exact function, or a score network.

    plaplace verify package.module:function
    verdict = verify("package.module:function")        # or the function itself
    check("package.module:function")                   # in a test: an AssertionError that says what is wrong

Values are compared with certified truth on scenes that tell one mistake from another; what is wrong is said in words.
"""

from __future__ import annotations

import inspect
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

from plaplace.verify import estimator
from plaplace.verify.finding import Finding
from plaplace.verify.target import KINDS, kind_of, load
from plaplace.verify.verdict import Verdict

__all__ = ["KINDS", "Finding", "Verdict", "check", "kind_of", "load", "verify"]


def verify(function: Callable[..., Any] | str, kind: str | None = None, **settings: Any) -> Verdict:
    """Judge an implementation by every clause of the contract of its kind.

    Args:
        function: a callable, a class for "exact", or `MODULE:FUNCTION`.
        kind: a key of `KINDS`; None takes what the names of its parameters say.
        settings: of `estimator.examine`, `exact.examine` or `network.examine`.

    Raises:
        ValueError: it cannot be found or called, or a setting is none.

    >>> from plaplace import estimators
    >>> verify(estimators.autodiff).holds
    True
    """
    start = time.monotonic()
    if isinstance(function, str):
        name, found = function, load(function)
    else:
        found = function
        name = ":".join(str(getattr(found, each, "")) for each in ("__module__", "__qualname__"))
    kind = kind or kind_of(found)
    examine = _examine(kind)
    accepted = list(inspect.signature(examine).parameters)[1:]
    foreign = sorted(set(settings) - set(accepted))
    if foreign:
        raise ValueError(f"{', '.join(foreign)} was given; of kind {kind!r} are {', '.join(accepted)}")
    findings = tuple(examine(found, **settings))
    versions = {each: version(each) for each in ("plaplace", "torch")} | {"python": platform.python_version()}
    asked = {key: value for key, value in settings.items() if value is not None}
    return Verdict(name, kind, findings, asked, versions, time.monotonic() - start)


def check(function: Callable[..., Any] | str, kind: str | None = None, **settings: Any) -> None:
    """`verify` for a test of your own: one line keeps an implementation honest.

    Raises:
        AssertionError: a clause fails; the message is the table.
    """
    verdict = verify(function, kind, **settings)
    assert verdict.holds, f"\n{verdict}"


def _examine(kind: str) -> Callable[..., Iterator[Finding]]:
    if kind == "estimator":
        return estimator.examine
    if kind in KINDS:
        from importlib import import_module

        found: Callable[..., Iterator[Finding]] = import_module(f"plaplace.verify.{kind}").examine
        return found
    raise ValueError(f"kind = {kind!r} was given; accepted are {', '.join(map(repr, KINDS))}")
