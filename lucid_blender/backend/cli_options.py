"""Options by name, as the command line takes them."""

from __future__ import annotations

from typing import cast, get_args

from ..core.errors import InvalidInput
from ..core.options import BUILTIN, Control, ControlKind, Lora, TextualInversion


def lora(text: str) -> Lora:
    """ "FILE[:WEIGHT]"."""
    source, weight = with_weight(text)
    return Lora(source=source, weight=weight)


def textual_inversion(text: str) -> TextualInversion:
    """ "FILE[:TOKEN]"; a drive's letter, a folder after a colon and a built-in one's name are part of the source."""
    source, colon, token = text.rpartition(":")
    if not colon or "/" in token or "\\" in token or source == BUILTIN:
        return TextualInversion(source=text)
    return TextualInversion(source=source, token=token)


def control(text: str) -> Control:
    """ "KIND=MODEL[:WEIGHT]", such as depth=lllyasviel/control_v11f1p_sd15_depth:0.8."""
    kind, equals, rest = text.partition("=")
    if not equals or kind not in get_args(ControlKind):
        raise InvalidInput(f"the control {text!r} is not {'|'.join(get_args(ControlKind))}=MODEL[:WEIGHT]")
    source, weight = with_weight(rest)
    return Control(kind=cast(ControlKind, kind), source=source, weight=weight)


def with_weight(text: str) -> tuple[str, float]:
    """ "SOURCE[:WEIGHT]"; a path may hold colons itself, as in C:\\styles\\clay.safetensors."""
    source, colon, weight = text.rpartition(":")
    try:
        return (source, float(weight)) if colon else (text, 1.0)
    except ValueError:
        return text, 1.0
