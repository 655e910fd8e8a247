"""Somebody else's arrays: torch, numpy or JAX in and out, exact scores in each, and sources of random numbers.

The suite thinks in float64 tensors. A `Backend` converts at the border, gives a mixture's score as a function of its
own arrays (torch: differentiable; JAX: closed form, so that jit, jvp and jacfwd work), and makes the random source that
a parameter of that name expects. JAX is imported when it is first used.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture

__all__ = ["NAMES", "Backend", "Native", "guess"]

Native = Callable[[Any], Any]
Name = Literal["torch", "numpy", "jax"]
NAMES: tuple[Name, ...] = ("torch", "numpy", "jax")

_WHOLE = ("seed", "random_state")  # parameters that take a whole number in every library


@dataclass(frozen=True)
class Backend:
    """One library of arrays.

    Attributes:
        name: "torch", "numpy" or "jax".

    Raises:
        ValueError: another name.
        ImportError: JAX is missing; says what to install.
    """

    name: Name

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"backend = {self.name!r} was given; accepted are {', '.join(map(repr, NAMES))}")
        if self.name == "jax":
            _jax()

    def to(self, tensor: Tensor) -> Any:
        """The same numbers as an array of this library, same dtype, in memory of its own."""
        if self.name == "torch":
            return tensor.detach().clone()
        array = tensor.detach().cpu().numpy().copy()
        return array if self.name == "numpy" else _jax().numpy.asarray(array)

    def back(self, array: Any) -> Tensor:
        """A tensor of whatever was returned: an array of any library, a number, or a list of them.

        Raises:
            TypeError: nothing of the kind, or numbers that are not real.
        """
        if isinstance(array, Tensor):
            tensor = array.detach().cpu()
        else:
            try:
                # a copy: arrays of JAX are read-only, which torch warns about
                tensor = torch.from_numpy(np.array(array))
            except (TypeError, ValueError) as error:
                raise TypeError(f"{type(array).__name__} was returned; accepted are arrays of real numbers") from error
        if tensor.is_complex():
            raise TypeError(f"complex numbers ({tensor.dtype}) were returned; accepted are arrays of real numbers")
        return tensor

    def score(self, mixture: GaussianMixture, shape: tuple[int, ...] | None = None) -> Native:
        """The exact score of a mixture on arrays of this library, (N, *shape) -> (N, *shape), shape (D,) when left out.

        In torch and JAX it can be differentiated; the arithmetic is float64, the answer of the dtype of x.
        """
        if self.name == "jax":
            return _jax_score(mixture, shape or (mixture.dimension,))

        def score(x: Any) -> Any:
            return mixture.score(x.reshape(len(x), -1)).reshape(x.shape)

        return score

    def native(self, function: Callable[[Tensor], Tensor]) -> Native:
        """A function of tensors as one of this library's arrays. Differentiable in torch alone, and not for jit."""
        if self.name == "torch":
            return function
        return lambda x: self.to(function(self.back(x)))

    def seed(self, seed: int) -> None:
        """Seed the global sources of torch, numpy and Python; JAX has none."""
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - for those who draw from it
        random.seed(seed)

    def random(self, parameter: str, seed: int, annotation: Any = "") -> Any:
        """A fresh random source for a parameter of that name: what its annotation says, else what the name means here.

        "seed" and "random_state" take a whole number; "generator", "rng", "key" and others a `torch.Generator`, a
        `numpy.random.Generator` or a JAX key.
        """
        text = annotation if isinstance(annotation, str) else getattr(annotation, "__qualname__", str(annotation))
        module = "" if isinstance(annotation, str) else str(getattr(annotation, "__module__", ""))
        said = f"{module}.{text}"
        if "RandomState" in said:
            return np.random.RandomState(seed)
        if "torch" in said and "Generator" in said:
            return torch.Generator().manual_seed(seed)
        if ("np." in said or "numpy" in said) and "Generator" in said:
            return np.random.default_rng(seed)
        if parameter in _WHOLE or text.split("|")[0].strip() in ("int", "Optional[int]"):
            return seed
        if self.name == "jax" or "key" in parameter:
            return _jax().random.PRNGKey(seed)
        return torch.Generator().manual_seed(seed) if self.name == "torch" else np.random.default_rng(seed)


def guess(function: Callable[..., Any]) -> Backend:
    """Whose arrays a function takes, by the libraries that its code, and the code of its module that it calls, names.

    JAX before torch before numpy, since numpy serves beside the others; where its code names none, those its module
    imports; torch where nothing is said.
    """
    seen = set(_libraries(function, set(), deep=True)) or set(_libraries(function, set(), deep=False))
    for name in ("jax", "torch", "numpy"):
        if name in seen:
            return Backend(name)
    return Backend("torch")


def _libraries(thing: Any, visited: set[int], deep: bool) -> Iterator[str]:
    """Top-level names of libraries: those the code of a callable uses, or (not deep) all that its module imports."""
    if id(thing) in visited:
        return
    visited.add(id(thing))
    yield _library(type(thing))  # what jit made of a function
    if isinstance(thing, torch.nn.Module):
        yield "torch"
    for function in _functions(thing):
        module = function.__globals__
        names = set(_names(function.__code__)) if deep else set(module)
        cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
        for value in [*(module[name] for name in names if name in module), *(cells if deep else [])]:
            if isinstance(value, ModuleType):
                yield value.__name__.split(".")[0]
                continue
            yield _library(value)
            if deep and getattr(value, "__module__", None) == function.__module__:
                yield from _libraries(value, visited, deep)


def _library(thing: Any) -> str:
    """The library that defines a thing."""
    return str(getattr(thing, "__module__", "")).split(".")[0].replace("jaxlib", "jax")


def _functions(thing: Any) -> list[FunctionType]:
    """The Python functions that a callable is made of: itself, its methods, what a partial or a wrapper holds."""
    thing = getattr(thing, "func", thing)
    thing = inspect.unwrap(thing) if callable(thing) else thing
    if isinstance(thing, FunctionType):
        return [thing]
    if isinstance(thing, MethodType):
        thing = thing.__self__
    holder = thing if inspect.isclass(thing) else type(thing)
    members = [getattr(each, "__func__", each) for kind in holder.__mro__ for each in vars(kind).values()]
    return [each for each in members if isinstance(each, FunctionType)]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _jax() -> Any:
    """JAX in double precision: the suite's values are float64, and JAX would cut them to float32."""
    try:
        import jax
    except ImportError as error:
        raise ImportError("functions of JAX arrays need JAX: pip install jax") from error
    jax.config.update("jax_enable_x64", True)
    return jax


def _jax_score(mixture: GaussianMixture, shape: tuple[int, ...]) -> Native:
    """`s = s_0 + sum r_k (s_k - s_0)` with `s_k = P_k (mu_k - x)` and s_0 = s, held constant by differentiation.

    Its derivative is the centred form `sum r_k (s_k - s)(s_k - s)' - sum r_k P_k`, which keeps its digits in far tails.
    Holds all precisions, (K, D, D): for D to some hundreds.
    """
    jax = _jax()
    jnp = jax.numpy
    K, D = mixture.means.shape
    structure = mixture._structure
    precisions = jnp.asarray(structure.to(torch.float64, "cpu").mean_precision(torch.eye(K).double()).numpy())
    constant = jnp.asarray((mixture._weights64.log() - structure.log_det.double() / 2).cpu().numpy())
    means = jnp.asarray(mixture._means64.cpu().numpy())

    def one(x: Any) -> Any:
        offset = means - x
        scores = jnp.einsum("kij,kj->ki", precisions, offset)
        shares = jax.nn.softmax(constant - 0.5 * (offset * scores).sum(1))
        centre = jax.lax.stop_gradient(shares @ scores)
        return centre + shares @ (scores - centre)

    def score(x: Any) -> Any:
        x = jnp.asarray(x)
        values = jax.vmap(one)(x.reshape(-1, D).astype(jnp.float64))
        return values.reshape(x.shape).astype(x.dtype)

    return score
