"""In what numbers a network runs, and how many points at a time.

The network may run in bfloat16 or float16; its output is brought back to the type of x before anything is subtracted,
so that the score and what estimators sum up keep float32 or float64.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.autograd.forward_ad as fwd
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

__all__ = ["Precision", "attention_for", "dtype_of", "prepare"]

_TYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Precision:
    """How a network runs.

    Attributes:
        dtype: of its weights and its input; None leaves the weights as they are.
        autocast: a lower type that torch.autocast uses inside, in place of converting the weights; None for none.
        channels_last: memory format of image networks; another kernel, the same numbers to rounding.
        compile: run it through torch.compile; the same numbers to rounding.
        memory: bytes that the activations of one call may take, inputs and outputs included; longer batches are cut.
            None never cuts.
    """

    dtype: torch.dtype | None = None
    autocast: torch.dtype | None = None
    channels_last: bool = False
    compile: bool = False
    memory: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("dtype", self.dtype), ("autocast", self.autocast)):
            if value is not None and value not in _TYPES:
                raise ValueError(f"{name} = {value} was given; accepted are {', '.join(map(str, _TYPES))}")
        if self.memory is not None and self.memory <= 0:
            raise ValueError(f"memory = {self.memory} was given; accepted is a number of bytes > 0")


def prepare(network: Callable[..., Any], precision: Precision, device: torch.device | str | None) -> Callable[..., Any]:
    """The network as it is to run: moved, converted, laid out and compiled. A module is changed in place and frozen.

    Raises:
        ValueError: a dtype or a device was asked for and the network is no module, so that nothing can be converted.
    """
    if isinstance(network, nn.Module):
        if device is not None or precision.dtype is not None:
            network = network.to(device=device, dtype=precision.dtype)
        with contextlib.suppress(NotImplementedError):  # an exported program has no training mode to leave
            network.eval()
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        if precision.channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    elif precision.dtype is not None or device is not None:
        raise ValueError("dtype or device was given with a function; accepted is a torch.nn.Module, or neither of them")
    return torch.compile(network) if precision.compile else network


def dtype_of(network: object) -> tuple[torch.dtype | None, torch.device | None]:
    """Type and device of a module's first floating-point weight; None and None where it has none."""
    if isinstance(network, nn.Module):
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point():
                return tensor.dtype, tensor.device
    return None, None


@contextlib.contextmanager
def attention_for(x: Tensor) -> Iterator[None]:
    """Where x carries a forward-mode derivative, what torch can differentiate: attention in its plain form, since the
    fused kernels have no derivative, and group norms of contiguous inputs, which is all that theirs takes.
    """
    if fwd.unpack_dual(x).tangent is None:
        yield
    else:
        with sdpa_kernel(SDPBackend.MATH), _ContiguousNorms():
            yield


class _ContiguousNorms(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is nn.functional.group_norm:
            args = (args[0].contiguous(), *args[1:])
        return func(*args, **(kwargs or {}))
