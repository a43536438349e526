"""An encoder set by hand: the principal components of 8 x 8 pixel patches, in the weights of an AutoencoderKL.

A small autoencoder that starts at random spends the whole budget on finding colours. This one starts at the best
linear code, and only the decoder has to learn. The code is exactly linear in the pixels, so gradients of a latent
reach the picture undistorted, which is what score distillation needs.

How the linear map passes through the network: there are no residual blocks but the middle ones, whose branches end in
zeros; the strided convolutions move pixels to channels (space to depth) and project; each component z travels as the
pair (z, -z) through the last normalisation and SiLU, because silu(x) - silu(-x) = x; constant channels, large beside z,
pin the statistics of its groups.
"""

import torch
from diffusers import AutoencoderKL
from diffusers.models.autoencoders.vae import Encoder
from torch import Tensor, nn

LATENT_CHANNELS = 16
PATCH = 8  # pixels a side; three halvings
VALUES = 3 * PATCH**2
WHITENING = 0.7  # components are scaled by std ** -WHITENING: 1 would make noise in the last ones as loud as the shape
CONSTANT = 96.0
LOG_VARIANCE = -10.0
GROUPS = 4
WIDTH = 48  # channels everywhere: those of 4 x 4 pixels, or latents, their negatives and the constants


def make_autoencoder() -> AutoencoderKL:
    """The architecture: 128 x 128 pictures, latents 16 x 16 x 16."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(WIDTH,) * 4,
        layers_per_block=0,  # none in the encoder, one in the decoder
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=GROUPS,
        sample_size=128,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def patches_of(pixels: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] as [B, H / 8, W / 8, 192], in row, column, channel order."""
    b, c, h, w = pixels.shape
    blocks = pixels.reshape(b, c, h // PATCH, PATCH, w // PATCH, PATCH)
    return blocks.permute(0, 2, 4, 3, 5, 1).reshape(b, h // PATCH, w // PATCH, VALUES)


def principal_components(
    pictures: Tensor,  # [N, 3, H, W] -1..1
) -> tuple[Tensor, Tensor]:
    """Projection [16, 192] of patches to latents of unit mean square, and the mean [192]."""
    patches = patches_of(pictures).reshape(-1, VALUES)
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
    for resnet in encoder.mid_block.resnets:
        _zero(resnet.conv2)
    _zero(encoder.conv_in)
    encoder.conv_in.weight[:3, :3, 1, 1] = torch.eye(3)
    _install_projection(encoder, projection, mean)
    _install_pairs(encoder)
    _zero(autoencoder.quant_conv)
    autoencoder.quant_conv.weight[:, :, 0, 0] = torch.eye(2 * LATENT_CHANNELS)


def _install_projection(encoder: Encoder, projection: Tensor, mean: Tensor) -> None:
    """The strided convolutions: pixels to 12 channels, of four neighbours to 48, of four to the latents' pairs."""
    first, second, third = (encoder.down_blocks[i].downsamplers[0].conv for i in range(3))
    for convolution in (first, second, third):
        _zero(convolution)
    signed = torch.zeros(WIDTH, VALUES)
    for latent in range(LATENT_CHANNELS):
        signed[_plus(latent)], signed[_plus(latent) + 1] = projection[latent], -projection[latent]
    # [channel, outer, middle, inner row, outer, middle, inner column, colour]
    patches = signed.reshape(WIDTH, 2, 2, 2, 2, 2, 2, 3)
    for row in range(2):
        for column in range(2):
            place = row * 2 + column
            first.weight[place * 3 : place * 3 + 3, :3, row, column] = torch.eye(3)
            second.weight[place * 12 : place * 12 + 12, :12, row, column] = torch.eye(12)
            corner = patches[:, row, :, :, column]  # [channel, middle, inner row, middle, inner column, colour]
            third.weight[:, :48, row, column] = corner.permute(0, 1, 3, 2, 4, 5).reshape(WIDTH, 48)
    third.bias.copy_(-signed @ mean)


def _install_pairs(encoder: Encoder) -> None:
    """Add the constants to the groups of the last normalisation, and take latents out of the pairs again."""
    _zero(encoder.conv_out)
    size, taken = WIDTH // GROUPS, 2 * LATENT_CHANNELS // GROUPS
    normalisation = CONSTANT * ((size - taken) / size) ** 0.5
    for latent in range(LATENT_CHANNELS):
        encoder.conv_out.weight[latent, _plus(latent), 1, 1] = normalisation
        encoder.conv_out.weight[latent, _plus(latent) + 1, 1, 1] = -normalisation
    last = encoder.down_blocks[2].downsamplers[0].conv
    for group in range(GROUPS):
        for k in range(taken, size):
            last.bias[group * size + k] = CONSTANT if k % 2 else -CONSTANT
    encoder.conv_out.bias[LATENT_CHANNELS:] = LOG_VARIANCE


def _plus(latent: int) -> int:
    """The channel of a latent before the last normalisation; its negative is the next."""
    each = LATENT_CHANNELS // GROUPS
    return (latent // each) * (WIDTH // GROUPS) + (latent % each) * 2


def _zero(layer: nn.Conv2d) -> None:
    layer.weight.zero_()
    if layer.bias is not None:
        layer.bias.zero_()
