"""An encoder set by hand: the principal components of 4 x 4 pixel patches, in the weights of an AutoencoderKL.

A small autoencoder that starts at random spends the whole budget on finding colours. This one starts at the best
linear code, and only the decoder has to learn. The code is exactly linear in the pixels, so gradients of a latent
reach the picture undistorted, which is what score distillation needs.

How the linear map passes through the network: residual branches end in zeros; the strided convolutions move pixels to
channels (space to depth) and project; each component z travels as the pair (z, -z) through the last normalisation and
SiLU, because silu(x) - silu(-x) = x; constant channels, large beside z, pin the statistics of its groups.
"""

import torch
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import Encoder
from torch import Tensor, nn

LATENT_CHANNELS = 8
WHITENING = 0.7  # components are scaled by std ** -WHITENING: 1 would make noise in the last ones as loud as the shape
CONSTANT = 32.0
LOG_VARIANCE = -10.0


def make_autoencoder() -> AutoencoderKL:
    """The architecture: 64 x 64 pictures, latents 8 x 16 x 16."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 64),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def principal_components(
    pictures: Tensor,  # [N, 3, H, W] -1..1
) -> tuple[Tensor, Tensor]:
    """Projection [8, 48] of patches (row, column, channel order) to latents of unit mean square, and the mean [48]."""
    n, c, h, w = pictures.shape
    patches = pictures.reshape(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 48)
    mean = patches.mean(0)
    covariance = (patches - mean).T @ (patches - mean) / len(patches)
    values, vectors = torch.linalg.eigh(covariance.double())
    order = values.argsort(descending=True)[:LATENT_CHANNELS]
    std = values[order].sqrt()
    scale = std**-WHITENING
    scale = scale / ((std * scale) ** 2).mean().sqrt()
    return (vectors[:, order].T * scale[:, None]).float(), mean


@torch.no_grad()
def install(autoencoder: AutoencoderKL, projection: Tensor, mean: Tensor) -> None:
    """Write the linear code into the encoder's weights."""
    encoder = autoencoder.encoder
    for resnet in [*(block.resnets[0] for block in encoder.down_blocks), *encoder.mid_block.resnets]:
        _zero(resnet.conv2)
    _zero(encoder.conv_in)
    encoder.conv_in.weight[:3, :3, 1, 1] = torch.eye(3)
    _zero(encoder.down_blocks[1].resnets[0].conv_shortcut)
    encoder.down_blocks[1].resnets[0].conv_shortcut.weight[:12, :12, 0, 0] = torch.eye(12)
    _install_projection(encoder, projection, mean)
    _install_pairs(encoder)
    _zero(autoencoder.quant_conv)
    autoencoder.quant_conv.weight[:, :, 0, 0] = torch.eye(2 * LATENT_CHANNELS)


def _install_projection(encoder: Encoder, projection: Tensor, mean: Tensor) -> None:
    """The two strided convolutions: pixels to 12 channels, then those of four neighbours to the latents."""
    first, second = (encoder.down_blocks[i].downsamplers[0].conv for i in (0, 1))
    _zero(first)
    _zero(second)
    patches = projection.reshape(LATENT_CHANNELS, 2, 2, 2, 2, 3)  # outer row, inner row, outer column, inner column
    for row in range(2):
        for column in range(2):
            start = (row * 2 + column) * 3
            first.weight[start : start + 3, :3, row, column] = torch.eye(3)
            second.weight[:LATENT_CHANNELS, :12, row, column] = patches[:, row, :, column].reshape(LATENT_CHANNELS, 12)
    second.bias[:LATENT_CHANNELS] = -projection @ mean


def _install_pairs(encoder: Encoder) -> None:
    """Two latents and their negatives in each of the four groups of the last normalisation, constants in the rest."""
    spread = encoder.down_blocks[2].resnets[0].conv_shortcut
    _zero(spread)
    _zero(encoder.conv_out)
    width = spread.weight.shape[0] // 4
    normalisation = CONSTANT * ((width - 4) / width) ** 0.5
    for latent in range(LATENT_CHANNELS):
        plus = (latent // 2) * width + (latent % 2) * 2
        spread.weight[plus, latent], spread.weight[plus + 1, latent] = 1.0, -1.0
        encoder.conv_out.weight[latent, plus, 1, 1] = normalisation
        encoder.conv_out.weight[latent, plus + 1, 1, 1] = -normalisation
    for group in range(4):
        for k in range(4, width):
            spread.bias[group * width + k] = CONSTANT if k % 2 else -CONSTANT
    encoder.conv_out.bias[LATENT_CHANNELS:] = LOG_VARIANCE


def _zero(layer: nn.Conv2d) -> None:
    layer.weight.zero_()
    if layer.bias is not None:
        layer.bias.zero_()
