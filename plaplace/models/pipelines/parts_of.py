"""Which parts a pipeline's folder may have, and of which classes: what is not named here is not loaded."""

from __future__ import annotations

__all__ = ["IGNORED", "OPTIONAL", "PARTS", "SCHEDULER"]

Part = tuple[str, tuple[str, ...]]  # library and classes

SCHEDULER: Part = ("diffusers", ())  # any scheduler of the library
_UNET: Part = ("diffusers", ("UNet2DModel",))
_VAE: Part = ("diffusers", ("AutoencoderKL",))
_CLIP: Part = ("transformers", ("CLIPTextModel",))
_CLIP_POOLED: Part = ("transformers", ("CLIPTextModelWithProjection",))
_CLIP_TOKENS: Part = ("transformers", ("CLIPTokenizer", "CLIPTokenizerFast"))
_T5: Part = ("transformers", ("T5EncoderModel",))
_T5_TOKENS: Part = ("transformers", ("T5Tokenizer", "T5TokenizerFast"))

PARTS: dict[str, dict[str, Part]] = {
    "DDPMPipeline": {"unet": _UNET, "scheduler": SCHEDULER},
    "DDIMPipeline": {"unet": _UNET, "scheduler": SCHEDULER},
    "LDMPipeline": {"unet": _UNET, "scheduler": SCHEDULER, "vqvae": ("diffusers", ("VQModel", "AutoencoderKL"))},
    "DiTPipeline": {
        "transformer": ("diffusers", ("DiTTransformer2DModel", "Transformer2DModel")),
        "vae": _VAE,
        "scheduler": SCHEDULER,
    },
    "StableDiffusionPipeline": {
        "unet": ("diffusers", ("UNet2DConditionModel",)),
        "vae": _VAE,
        "text_encoder": _CLIP,
        "tokenizer": _CLIP_TOKENS,
        "scheduler": SCHEDULER,
    },
    "StableDiffusion3Pipeline": {
        "transformer": ("diffusers", ("SD3Transformer2DModel",)),
        "vae": _VAE,
        "text_encoder": _CLIP_POOLED,
        "text_encoder_2": _CLIP_POOLED,
        "text_encoder_3": _T5,
        "tokenizer": _CLIP_TOKENS,
        "tokenizer_2": _CLIP_TOKENS,
        "tokenizer_3": _T5_TOKENS,
        "scheduler": SCHEDULER,
    },
    "FluxPipeline": {
        "transformer": ("diffusers", ("FluxTransformer2DModel",)),
        "vae": _VAE,
        "text_encoder": _CLIP,
        "text_encoder_2": _T5,
        "tokenizer": _CLIP_TOKENS,
        "tokenizer_2": _T5_TOKENS,
        "scheduler": SCHEDULER,
    },
}
OPTIONAL = ("text_encoder_3", "tokenizer_3")
# they judge or take pictures, which nobody generates here
IGNORED = ("safety_checker", "feature_extractor", "image_encoder")
