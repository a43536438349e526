"""How the built-in diffusion model is made: pictures of the scene grammar, autoencoder, text and U-Net, export."""
