"""Splats to pictures, differentiably. ``contract`` says what a rasterizer is, ``torch_oracle`` what it computes."""
