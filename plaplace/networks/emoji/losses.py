"""What the two stages minimise, and the latents between them.

    autoencoder    mean |x - D(m + s e)|  +  w mean KL(N(m, s^2) || N(0, 1)),    (m, s) = E(x), e ~ N(0, 1)
    diffusion      mean (eps - F(alpha_t z + sigma_t eps, t, C(caption)))^2,     z = c (m + s e), c = 1 / std(z / c)

Pictures are encoded once, before the second stage; e is drawn anew every step, as Stable Diffusion's training does.
The text encoder C is trained together with F.

Source: Rombach, Blattmann, Lorenz, Esser, Ommer, "High-resolution image synthesis with latent diffusion models" (2022),
arXiv 2112.10752; captions dropped to train both branches: Ho, Salimans, "Classifier-free diffusion guidance" (2022),
arXiv 2207.12598.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from plaplace.networks.emoji.stage import Loss

__all__ = ["Latents", "autoencoder_loss", "diffusion_loss", "encode"]

_ENCODED_AT_ONCE = 64
_MEASURED_SEED = 0  # of the noise in the standard deviation that the scaling factor is made from


def autoencoder_loss(images: Tensor, kl_weight: float) -> Loss:
    """The first stage's loss on rows of `images` (N, 3, s, s); its modules are {"vae"}."""

    def loss(modules: nn.ModuleDict, rows: Tensor, generator: torch.Generator) -> Tensor:
        vae: Any = modules["vae"]
        x = images[rows]
        posterior = vae.encode(x).latent_dist
        eps = torch.randn(posterior.mean.shape, generator=generator)
        decoded = vae.decode(posterior.mean + posterior.std * eps).sample
        divergence = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar)
        return (decoded - x).abs().mean() + kl_weight * divergence.mean()

    return loss


@dataclass(frozen=True)
class Latents:
    """Encoded pictures.

    Attributes:
        mean, std: (N, 4, h, h) of the encoder's normal distributions, unscaled.
        scaling_factor: c, which gives latents of the training pictures a standard deviation of 1.
    """

    mean: Tensor
    std: Tensor
    scaling_factor: float

    def draw(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Scaled latents of pictures (B,), with fresh noise of the encoder."""
        e = torch.randn((len(rows), *self.mean.shape[1:]), generator=generator)
        return self.scaling_factor * (self.mean[rows] + self.std[rows] * e)


@torch.no_grad()
def encode(vae: Any, images: Tensor, training: Tensor) -> Latents:
    """Latents of all images; the scaling factor is measured on the rows `training`, each counted once."""
    posteriors = [vae.encode(part).latent_dist for part in images.split(_ENCODED_AT_ONCE)]
    mean = torch.cat([posterior.mean for posterior in posteriors])
    std = torch.cat([posterior.std for posterior in posteriors])
    drawn = Latents(mean, std, 1.0).draw(training, torch.Generator().manual_seed(_MEASURED_SEED))
    return Latents(mean, std, 1 / float(drawn.std()))


def diffusion_loss(latents: Latents, tokens: Tensor, empty: Tensor, alphas_cumprod: Tensor, dropout: float) -> Loss:
    """The second stage's loss; its modules are {"text_encoder", "unet"}.

    Args:
        latents: of all pictures.
        tokens: (N, L) of all captions.
        empty: (L,) tokens of "".
        alphas_cumprod: (T,) alpha_t^2 of the schedule.
        dropout: share of captions replaced by "".
    """

    def loss(modules: nn.ModuleDict, rows: Tensor, generator: torch.Generator) -> Tensor:
        z = latents.draw(rows, generator)
        eps = torch.randn(z.shape, generator=generator)
        t = torch.randint(0, len(alphas_cumprod), (len(rows),), generator=generator)
        dropped = torch.rand(len(rows), generator=generator) < dropout
        caption = torch.where(dropped[:, None], empty, tokens[rows])
        a = alphas_cumprod[t][:, None, None, None]
        states = modules["text_encoder"](caption).last_hidden_state
        predicted = modules["unet"](a.sqrt() * z + (1 - a).sqrt() * eps, t, states).sample
        return (predicted - eps).square().mean()

    return loss
