"""The text encoder, the U-Net and the noise schedule: their sizes, in one place."""

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .analytic_encoder import LATENT_CHANNELS
from .text import ATTRIBUTES, MAX_TOKENS

WIDTH = 128  # of the text embedding


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=3,
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
        block_out_channels=(64, 128, 160),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def make_scheduler(prediction: str) -> DDIMScheduler:
    """`prediction` is "epsilon" or "v_prediction"."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
        prediction_type=prediction,
    )


class Denoiser(nn.Module):
    """Text encoder and U-Net, trained together."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        self.text_encoder = make_text_encoder(tokenizer)
        self.unet = make_unet()

    def forward(
        self,
        noisy: Tensor,  # [B, 16, 16, 16]
        timesteps: Tensor,  # [B]
        tokens: Tensor,  # [B, MAX_TOKENS]
    ) -> Tensor:
        noise: Tensor = self.unet(noisy, timesteps, encoder_hidden_states=self.words(tokens)).sample
        return noise

    def words(self, tokens: Tensor) -> Tensor:
        """What the U-Net attends to, [B, MAX_TOKENS, WIDTH]."""
        states: Tensor = self.text_encoder(input_ids=tokens).last_hidden_state
        return states


class AttributeReader(nn.Module):
    """Linear readers of what a caption names, from the states of its end tokens; needed in training only.

    The loss of the U-Net alone teaches the text encoder class and colour at once, but the side of a view hardly: that
    changes few pixels. Asked for it directly, the encoder gathers every attribute in the end tokens within minutes.
    """

    def __init__(self, end_token: int) -> None:
        super().__init__()
        self.end_token = end_token
        self.heads = nn.ModuleList(nn.Linear(WIDTH, len(values)) for values in ATTRIBUTES)

    def loss(
        self,
        words: Tensor,  # [B, MAX_TOKENS, WIDTH]
        tokens: Tensor,  # [B, MAX_TOKENS]
        attributes: Tensor,  # [B, number of attributes]
        unsaid: int,
    ) -> Tensor:
        """Sum of the cross entropies, over the captions that name the attribute."""
        ends = (tokens == self.end_token).float().unsqueeze(-1)
        state = (words * ends).sum(1) / ends.sum(1)
        total = torch.zeros((), device=words.device)
        for head, target in zip(self.heads, attributes.T, strict=True):
            each = nn.functional.cross_entropy(head(state), target, ignore_index=unsaid, reduction="none")
            total = total + each.mean()
        return total


def tokens_of(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Token numbers [B, MAX_TOKENS], padded."""
    batch = tokenizer(captions, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    return torch.as_tensor(batch.input_ids)
