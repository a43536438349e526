"""Frames from hypothesis: whatever arrives, decode() returns a message or raises InvalidInput (FormatError is one)."""

from __future__ import annotations

import contextlib
import json
import struct

import pytest

pytest.importorskip("hypothesis", reason="properties need the package hypothesis")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from lucid_blender.core import messages, wire  # noqa: E402
from lucid_blender.core.errors import InvalidInput  # noqa: E402

from .samples import MESSAGES, splats  # noqa: E402

FRAMES = [wire.encode(message) for message in MESSAGES]
BINARY = [frame for frame in FRAMES if isinstance(frame, bytes)]
TEXT = [frame for frame in FRAMES if isinstance(frame, str)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def decode(frame: str | bytes) -> None:
    with contextlib.suppress(InvalidInput):
        wire.decode(frame)


@unhurried
@given(st.binary() | st.binary().map(lambda tail: struct.pack("<4sII", b"LUCD", 1, len(tail)) + tail))
def test_any_bytes(frame: bytes) -> None:
    decode(frame)


@unhurried
@given(st.text())
def test_any_text(frame: str) -> None:
    decode(frame)


@unhurried
@given(st.sampled_from(BINARY), st.data())
def test_flipped_bits(frame: bytes, data: st.DataObject) -> None:
    changed = bytearray(frame)
    for position in data.draw(st.lists(st.integers(0, 8 * len(frame) - 1), min_size=1, max_size=8)):
        changed[position // 8] ^= 1 << position % 8
    decode(bytes(changed))


@unhurried
@given(st.sampled_from(TEXT), st.data())
def test_changed_characters(frame: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(frame) - 1))
    decode(frame[:position] + data.draw(st.text(max_size=3)) + frame[position + 1 :])


@unhurried
@given(st.sampled_from(TEXT), st.data(), JSON)
def test_any_value_in_any_field(frame: str, data: st.DataObject, value: object) -> None:
    header = json.loads(frame)
    inside = header["fields"]
    while isinstance(inside, dict) and inside:
        key = data.draw(st.sampled_from(sorted(inside)))
        if not isinstance(inside[key], dict) or data.draw(st.booleans()):
            inside[key] = value
            break
        inside = inside[key]
    decode(json.dumps(header))


@unhurried
@given(JSON)
def test_any_array_descriptors(arrays: object) -> None:
    frame = wire.encode(messages.Snapshot(step=0, splats=splats(2)))
    assert isinstance(frame, bytes)
    length = struct.unpack_from("<I", frame, 8)[0]
    header = json.loads(frame[12 : 12 + length]) | {"arrays": arrays}
    text = json.dumps(header).encode()
    decode(struct.pack("<4sII", b"LUCD", 1, len(text)) + text + frame[12 + length :])
