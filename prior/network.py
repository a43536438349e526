"""The text encoder, the U-Net and the noise schedule: their sizes, in one place."""

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .analytic_encoder import LATENT_CHANNELS
from .text import MAX_TOKENS

WIDTH = 128  # of the text embedding


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            projection_dim=WIDTH,
        )
    )


def make_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(48, 96, 128),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def make_scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
        prediction_type="epsilon",
    )


class Denoiser(nn.Module):
    """Text encoder and U-Net, trained together."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.text_encoder = make_text_encoder(tokenizer)
        self.unet = make_unet()

    def forward(
        self,
        noisy: Tensor,  # [B, 8, 16, 16]
        timesteps: Tensor,  # [B]
        tokens: Tensor,  # [B, MAX_TOKENS]
    ) -> Tensor:
        words = self.text_encoder(input_ids=tokens).last_hidden_state
        noise: Tensor = self.unet(noisy, timesteps, encoder_hidden_states=words).sample
        return noise


def tokens_of(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Token numbers [B, MAX_TOKENS], padded."""
    batch = tokenizer(captions, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    return torch.as_tensor(batch.input_ids)
