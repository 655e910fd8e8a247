"""Real pipelines of diffusers with a few thousand random weights, built in milliseconds and without a download.

`PIPELINES[name]()` gives the pipeline: ddpm, ddim, ddpm-labels (class labels 0 to 4, the last the null label), ldm, dit
(labels 0 to 4 and a null label), stable-diffusion, stable-diffusion-3 (without T5) and flux (with a T5 of its own).
Every weight is random, those that training starts at zero included; the same seed gives the same weights.
"""

import string

import diffusers
import torch
import transformers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

__all__ = [
    "MAX_TOKENS",
    "OPTIONS",
    "PIPELINES",
    "PROMPTS",
    "autoencoder",
    "clip_tokenizer",
    "conditional_unet",
    "conditions_of",
    "ddim",
    "ddpm",
    "dit",
    "flux",
    "ldm",
    "shaken",
    "stable_diffusion",
    "stable_diffusion_3",
    "t5_tokenizer",
    "unet",
    "vq_autoencoder",
]

PROMPTS = ("a red cat", "two blue dogs, asleep")
MAX_TOKENS = 24  # a letter is a token here

LINEAR = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def shaken(module, seed=0, scale=0.1):
    """Random normal weights in every layer, scales of the norms around 1; set to evaluation and frozen."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = scale * torch.randn(parameter.shape, generator=g)
            parameter.copy_(1 + noise if parameter.ndim == 1 and name.endswith("weight") else noise)
    return module.eval().requires_grad_(False)


# --- networks


def unet(channels=3, size=8, attention=True, labels=None, **config):
    """A `UNet2DModel` of two stages, with or without attention and class labels."""
    down, up = ("DownBlock2D", "AttnDownBlock2D"), ("AttnUpBlock2D", "UpBlock2D")
    network = diffusers.UNet2DModel(
        sample_size=size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(8, 8),
        layers_per_block=1,
        down_block_types=down if attention else down[:1] * 2,
        up_block_types=up if attention else up[1:] * 2,
        norm_num_groups=4,
        attention_head_dim=4,
        add_attention=attention,
        num_class_embeds=labels,
        **config,
    )
    return shaken(network, seed=1)


def conditional_unet(channels=4, size=4, width=8, **config):
    """A `UNet2DConditionModel` of two stages with cross-attention on tokens of that width."""
    network = diffusers.UNet2DConditionModel(
        sample_size=size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(8, 8),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=4,
        attention_head_dim=2,
        cross_attention_dim=width,
        **config,
    )
    return shaken(network, seed=2)


def autoencoder(channels=4, size=8, **config):
    """An `AutoencoderKL` that halves the size."""
    network = diffusers.AutoencoderKL(
        block_out_channels=(4, 4),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=2,
        latent_channels=channels,
        sample_size=size,
        **config,
    )
    return shaken(network, seed=3, scale=0.2)


def vq_autoencoder(channels=3, size=8, **config):
    """A `VQModel` that halves the size."""
    network = diffusers.VQModel(
        block_out_channels=(4, 4),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=2,
        latent_channels=channels,
        num_vq_embeddings=16,
        sample_size=size,
        **config,
    )
    return shaken(network, seed=4, scale=0.2)


# --- texts


def clip_tokenizer():
    """CLIP's byte-pair encoding with no pair merged: a letter is a token."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=MAX_TOKENS)


def t5_tokenizer():
    """T5's unigram pieces with none longer than a letter."""
    pieces = ["<pad>", "</s>", "<unk>", "▁", *string.ascii_letters, *string.digits, *string.punctuation]
    return transformers.T5Tokenizer(
        vocab=[(piece, -float(number)) for number, piece in enumerate(pieces)],
        extra_ids=0,
        model_max_length=MAX_TOKENS,
    )


def clip_encoder(tokenizer, width=8, projection=None, seed=5):
    """A CLIP text encoder; with a projection, its pooled output is of that width."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=projection or width,
        max_position_embeddings=MAX_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return shaken((CLIPTextModelWithProjection if projection else CLIPTextModel)(config), seed, scale=0.3)


def t5_encoder(tokenizer, width=8):
    """A T5 encoder of one layer."""
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=width, d_kv=4, d_ff=2 * width, num_layers=1, num_heads=2
    )
    return shaken(transformers.T5EncoderModel(config), seed=6, scale=0.3)


# --- pipelines


def quiet(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def ddpm(labels=None, **network):
    return quiet(diffusers.DDPMPipeline(unet=unet(labels=labels, **network), scheduler=diffusers.DDPMScheduler()))


def ddim(**network):
    return quiet(diffusers.DDIMPipeline(unet=unet(**network), scheduler=diffusers.DDIMScheduler(**LINEAR)))


def ldm():
    scheduler = diffusers.DDIMScheduler(clip_sample=False, **LINEAR)
    return quiet(diffusers.LDMPipeline(vqvae=vq_autoencoder(), unet=unet(size=4), scheduler=scheduler))


def dit(labels=5):
    transformer = diffusers.DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=4,
        in_channels=4,
        out_channels=8,
        num_layers=1,
        sample_size=4,
        num_embeds_ada_norm=labels,
        norm_num_groups=4,
    )
    vae, scheduler = autoencoder(), diffusers.DDIMScheduler(clip_sample=False)
    return quiet(diffusers.DiTPipeline(transformer=shaken(transformer, seed=7), vae=vae, scheduler=scheduler))


def stable_diffusion(prediction="epsilon"):
    tokenizer = clip_tokenizer()
    return quiet(
        diffusers.StableDiffusionPipeline(
            vae=autoencoder(),
            text_encoder=clip_encoder(tokenizer),
            tokenizer=tokenizer,
            unet=conditional_unet(),
            scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1, prediction_type=prediction, **LINEAR),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    )


def stable_diffusion_3():
    tokenizer = clip_tokenizer()
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=4,
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=4,
        num_attention_heads=2,
        joint_attention_dim=16,  # of both CLIP encoders beside each other
        caption_projection_dim=8,
        pooled_projection_dim=16,
        pos_embed_max_size=8,
    )
    return quiet(
        diffusers.StableDiffusion3Pipeline(
            transformer=shaken(transformer, seed=8),
            scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=autoencoder(scaling_factor=1.5305, shift_factor=0.0609),
            text_encoder=clip_encoder(tokenizer, projection=8),
            tokenizer=tokenizer,
            text_encoder_2=clip_encoder(tokenizer, projection=8, seed=9),
            tokenizer_2=clip_tokenizer(),
            text_encoder_3=None,
            tokenizer_3=None,
        )
    )


def flux(guidance_embeds=True):
    tokenizer, tokenizer_2 = clip_tokenizer(), t5_tokenizer()
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,  # four latent channels, packed 2 x 2
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=8,
        pooled_projection_dim=8,
        guidance_embeds=guidance_embeds,
        axes_dims_rope=(2, 2, 4),
    )
    pipeline = diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=autoencoder(scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=clip_encoder(tokenizer),
        tokenizer=tokenizer,
        text_encoder_2=t5_encoder(tokenizer_2),
        tokenizer_2=tokenizer_2,
        transformer=shaken(transformer, seed=10),
    )
    return quiet(pipeline)


PIPELINES = {
    "ddpm": ddpm,
    "ddim": ddim,
    "ddpm-labels": lambda: ddpm(labels=5),
    "ldm": ldm,
    "dit": dit,
    "stable-diffusion": stable_diffusion,
    "stable-diffusion-3": stable_diffusion_3,
    "flux": flux,
}
# what models.load must be told beside the pipeline
OPTIONS = {
    "ddpm-labels": {"null_label": 4},
    "stable-diffusion-3": {"max_tokens": MAX_TOKENS},
    "flux": {"latent_size": (4, 4), "guidance": 2.5, "max_tokens": MAX_TOKENS},
}


def conditions_of(name):
    """Two conditions that the pipeline takes, one a point, or None."""
    if name in ("ddpm-labels", "dit"):
        return [1, 3]
    return list(PROMPTS) if name in ("stable-diffusion", "stable-diffusion-3", "flux") else None
