from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest

from lucid_blender.core import codec, messages, wire
from lucid_blender.core.errors import FormatError, InvalidInput

from .samples import MESSAGES, splats


def same(first: object, second: object) -> bool:
    """Equality that looks into arrays."""
    if isinstance(first, np.ndarray):
        return isinstance(second, np.ndarray) and first.dtype == second.dtype and np.array_equal(first, second)
    if dataclasses.is_dataclass(first):
        fields = dataclasses.fields(first)
        return type(first) is type(second) and all(
            same(getattr(first, f.name), getattr(second, f.name)) for f in fields
        )
    return bool(first == second)


def frame_of(header: object, body: bytes = b"", *, magic: bytes = b"LUCD", version: int = wire.VERSION) -> bytes:
    text = json.dumps(header).encode()
    start = struct.pack("<4sII", magic, version, len(text)) + text
    return start + bytes(-len(start) % 8) + body


def frame_with_array(dtype: object, shape: object, body: bytes = b"") -> bytes:
    return frame_of(
        {"message": "Notice", "fields": {"message": ""}, "arrays": [{"dtype": dtype, "shape": shape}]}, body
    )


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_survives(message: wire.Message) -> None:
    assert same(wire.decode(wire.encode(message)), message)


def test_only_messages_with_arrays_are_binary() -> None:
    assert isinstance(wire.encode(messages.Cancel()), str)
    assert isinstance(wire.encode(messages.Snapshot(step=0, splats=splats(1))), bytes)


def test_decoded_arrays_may_be_written_to() -> None:
    decoded = wire.decode(wire.encode(messages.Snapshot(step=0, splats=splats(2))))
    assert isinstance(decoded, messages.Snapshot)
    decoded.splats.positions[:] = 0


def test_arrays_start_at_multiples_of_eight() -> None:
    frame = wire.encode(messages.Snapshot(step=0, splats=splats(3)))
    assert isinstance(frame, bytes)
    length = struct.unpack_from("<I", frame, 8)[0]
    start = 12 + length
    assert np.array_equal(np.frombuffer(frame, "<f4", 9, start + -start % 8), splats(3).positions.ravel())


def test_a_frame_cut_anywhere_is_a_format_error() -> None:
    frame = wire.encode(messages.Snapshot(step=0, splats=splats(2)))
    assert isinstance(frame, bytes)
    for length in range(len(frame)):
        with pytest.raises(FormatError):
            wire.decode(frame[:length])


def test_a_frame_with_more_at_its_end_is_a_format_error() -> None:
    frame = wire.encode(messages.Snapshot(step=0, splats=splats(2)))
    assert isinstance(frame, bytes)
    with pytest.raises(FormatError, match="it has"):
        wire.decode(frame + b"\0")


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("", "not valid JSON"),
        ("[]", "without exactly a message"),
        ('{"message": "Cancel"}', "without exactly a message"),
        ('{"message": "Cancel", "fields": {}, "arrays": []}', "without exactly a message"),
        ('{"message": "os.system", "fields": {}}', "unknown message 'os.system'"),
        ('{"message": 3, "fields": {}}', "unknown message"),
        ('{"message": "Notice", "fields": {"message": "' + "x" * (1 << 20) + '"}}', "at most"),
        (b"", "0 bytes"),
        (b"PK\x03\x04" + bytes(20), "starts with"),
        (frame_of({}, version=9), "version 9"),
        (struct.pack("<4sII", b"LUCD", wire.VERSION, 2**32 - 1), "header of 4294967295 bytes"),
        (frame_of([]), "wanted an object"),
        (frame_of({"message": "Cancel", "fields": {}}), "without a list"),
        (frame_of({"message": "Cancel", "fields": {}, "arrays": [{}] * 17}), "at most 16 arrays"),
        (frame_of({"message": "Cancel", "fields": {}, "arrays": [[]]}), "dtype and shape"),
        (frame_with_array("float64", [1], bytes(8)), "an array of float64"),
        (frame_with_array("object", [1], bytes(8)), "an array of object"),
        (frame_with_array(["float32"], [1], bytes(4)), "wanted float32"),
        (frame_with_array("float32", [2**31 - 1]), "describes a frame of"),
        (frame_with_array("float32", [10**30, 10**30]), "product below"),
        (frame_with_array("float32", [0, 10**9, 10**9]), "product below"),
        (frame_with_array("float32", [-1]), "sizes must be"),
        (frame_with_array("float32", [True], bytes(4)), "sizes must be"),
        (frame_with_array("float32", [1.0], bytes(4)), "sizes must be"),
        (frame_with_array("float32", [], bytes(4)), "list of 1 to 4"),
        (frame_with_array("float32", [1] * 5, bytes(4)), "list of 1 to 4"),
        (frame_with_array("float32", "12", bytes(4)), "list of 1 to 4"),
    ],
)
def test_an_absurd_frame_says_what_is_wrong(frame: str | bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        wire.decode(frame)


def test_an_absurd_shape_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("allocated")

    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(FormatError):
        wire.decode(frame_with_array("float32", [2**31 - 1]))


def test_values_that_make_no_splats_are_refused() -> None:
    arrays: list[codec.Array] = []
    plain = codec.to_plain(messages.Snapshot(step=0, splats=splats(1)), arrays)
    described = [{"dtype": "float32", "shape": list(array.shape)} for array in arrays]
    start = frame_of({"message": "Snapshot", "fields": plain, "arrays": described})
    size = sum(array.nbytes + -array.nbytes % 8 for array in arrays) - 4  # all but the padding after the last array
    nan = np.full(size // 4, np.nan, "<f4").tobytes()
    with pytest.raises(InvalidInput, match=r"Snapshot\.splats: positions has 3 values that are NaN"):
        wire.decode(start + nan)


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(InvalidInput, match="bytes of text"):
        wire.encode(messages.Notice(message="x" * (1 << 20)))
