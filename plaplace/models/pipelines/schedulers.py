"""What a scheduler's configuration says of the network: its noise levels and what it predicts.

Every scheduler with a table `alphas_cumprod` is read the same way, whatever its sampling does: beta schedule, trained
betas and rescaling to zero terminal SNR are in the table, float32, and `sigma = sqrt(1 - alpha^2)` of the numbers as
they are is what training added. Spacing, offset and shift of the timesteps choose where a sampler stops, not what the
network learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plaplace.models.levels import DiscreteLevels, FlowLevels, Levels

__all__ = ["Trained", "read"]

_PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v", "sample": "sample"}


@dataclass(frozen=True)
class Trained:
    """What a network was trained on.

    Attributes:
        levels, prediction: as in `NetworkModel`.
        time_scale: the network is told this times the level's t: 1 for steps, T for the times of a flow.
    """

    levels: Levels
    prediction: str
    time_scale: float = 1.0


def read(scheduler: Any) -> Trained:
    """Levels and prediction of a diffusers scheduler.

    Raises:
        ValueError: a scheduler that has neither a table nor a straight path, or another prediction type.
    """
    name, config = type(scheduler).__name__, scheduler.config
    num_steps = int(config.get("num_train_timesteps", 1000))
    prediction = config.get("prediction_type", "epsilon")
    if config.get("invert_sigmas", False):
        raise ValueError(
            f"invert_sigmas was given by the scheduler {name}; accepted are times that grow with the noise"
        )
    if name.startswith("FlowMatch") or prediction == "flow_prediction":
        return Trained(FlowLevels(1 / num_steps, 1.0), "velocity", float(num_steps))
    if config.get("use_flow_sigmas", False):
        raise ValueError(
            f"use_flow_sigmas was given by the scheduler with prediction_type = {prediction!r}; accepted with it is "
            "'flow_prediction'"
        )
    table = getattr(scheduler, "alphas_cumprod", None)
    if table is None:
        raise ValueError(
            f"the scheduler {name} was given; accepted are those with a table alphas_cumprod (DDPM, DDIM, PNDM, Euler, "
            "DPM-Solver, UniPC, ..) and those of flow matching"
        )
    if prediction not in _PREDICTIONS:
        raise ValueError(
            f"prediction_type = {prediction!r} was given by the scheduler; accepted are "
            f"{', '.join(map(repr, (*_PREDICTIONS, 'flow_prediction')))}"
        )
    if config.get("rescale_betas_zero_snr", False):
        # some samplers put 2^-24 in the place of 0, where they would divide by it; training did not
        table = table.clone()
        table[-1] = 0
    return Trained(DiscreteLevels.from_alphas_cumprod(table), _PREDICTIONS[prediction])
