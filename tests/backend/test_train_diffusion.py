"""Training the U-Net on while the text encoder stays as it was exported."""

from pathlib import Path

import pytest
import torch
from transformers import CLIPTokenizer

from prior import train_diffusion
from prior.network import Denoiser, tokens_of
from prior.storage import BUILTIN
from prior.text import UNSAID
from prior.train_diffusion import Batches, Trainer


@pytest.fixture
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(BUILTIN / "tokenizer")


def trainer(tokenizer: CLIPTokenizer, keep_words: bool) -> Trainer:
    batches = Batches(None, tokenizer, torch.zeros(16, 192), torch.zeros(192), 2, (0,))  # type: ignore[arg-type]
    return Trainer(
        Denoiser(tokenizer), batches, rank=0, world=1, rate=1e-3, minutes=1.0, bf16=False, prediction="epsilon",
        device="cpu", workers=0, keep_words=keep_words,
    )  # fmt: skip


def step(trainer: Trainer) -> None:
    tokens = tokens_of(trainer.batches.tokenizer, ["a red mug", "a blue car, front view from above"])
    attributes = torch.full((2, len(trainer.reader.heads)), UNSAID)
    trainer.loss(torch.randn(2, 16, 16, 16), tokens, attributes).backward()
    trainer.optimizer.step()


@pytest.mark.parametrize("keep_words", [False, True])
def test_kept_words_are_the_averages_and_do_not_move(
    keep_words: bool, tokenizer: CLIPTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_diffusion, "CHECKPOINT", tmp_path / "diffusion.pt")
    first = trainer(tokenizer, keep_words=False)
    step(first)  # the averages stay behind the weights
    first.save()
    averages = dict(zip([name for name, _ in first.model.named_parameters()], first.ema, strict=True))

    second = trainer(tokenizer, keep_words)
    second.resume()
    before = {name: weights.detach().clone() for name, weights in second.model.named_parameters()}
    step(second)
    moved = {name for name, weights in second.model.named_parameters() if not torch.equal(weights, before[name])}

    of_words = {name for name in before if name.startswith("text_encoder.")}
    assert moved & {name for name in before if name.startswith("unet.")}
    assert bool(moved & of_words) is not keep_words
    assert all(torch.equal(before[name], averages[name]) for name in of_words) is keep_words
