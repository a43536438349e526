"""Score distillation objectives: one file a paper. Each maps rendered latents to a gradient on them."""
