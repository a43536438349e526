"""Dataclasses <-> plain JSON values, by their type hints: for the wire, for job.json and for custom properties.

Strict both ways: a value of the wrong type, an unknown key or a number that is not finite is InvalidInput and says
where. A missing key takes the dataclass's default. A union of several dataclasses carries its member's class name under
"kind". Numpy arrays do not become JSON: they are collected in a list beside it, and ``{"array": 3}`` stands for them.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast

import numpy as np
import numpy.typing as npt

from .errors import FormatError, InvalidInput

Array = npt.NDArray[Any]
Plain = None | bool | int | float | str | Sequence["Plain"] | Mapping[str, "Plain"]
T = TypeVar("T")

KIND = "kind"
ARRAY = "array"
_NONE = type(None)
_SCALAR_NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "text", _NONE: "null"}


def to_plain(value: object, arrays: list[Array] | None = None) -> dict[str, Plain]:
    """The fields of a dataclass as JSON values; arrays are appended to ``arrays``, or refused when there is no list."""
    return _write_dataclass(value, arrays, type(value).__name__)


def from_plain(cls: type[T], plain: object, arrays: Sequence[Array] = ()) -> T:
    """The inverse of to_plain. Raises InvalidInput, which names the key."""
    return cast(T, _read_dataclass(cls, plain, arrays, cls.__name__))


def dumps(value: object) -> str:
    """A dataclass without arrays as JSON text."""
    return json.dumps(to_plain(value), allow_nan=False, indent=1)


def loads(cls: type[T], text: str | bytes) -> T:
    """The inverse of dumps. Raises FormatError when the text is no JSON, InvalidInput when it is another thing."""
    return from_plain(cls, parse_json(text))


def parse_json(text: str | bytes) -> object:
    """JSON without its traps: NaN, repeated keys, endless digits and endless nesting are FormatError."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not valid JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise FormatError(f"not valid JSON: {name} is no finite number")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("not valid JSON: a key is given twice")
    return found


# ---------------------------------------------------------------- what a dataclass declares


@cache
def _hints(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: _unaliased(hints[field.name]) for field in dataclasses.fields(cls)}


def _unaliased(hint: Any) -> Any:
    """What stands behind a type alias, such as NDArray is from numpy 2.5 on."""
    value = getattr(typing.get_origin(hint), "__value__", None)
    return hint if value is None else value[typing.get_args(hint)]


@cache
def _defaulted(cls: type) -> frozenset[str]:
    missing = dataclasses.MISSING
    fields = dataclasses.fields(cls)
    return frozenset(f.name for f in fields if f.default is not missing or f.default_factory is not missing)


@cache
def _members(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union; a type that is none is its own only alternative."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


@cache
def _tagged(hint: Any) -> Mapping[str, type]:
    """Class name -> class, where a union has more than one dataclass; empty otherwise."""
    classes = [member for member in _members(hint) if dataclasses.is_dataclass(member)]
    if len(classes) < 2:
        return {}
    for cls in classes:
        if KIND in _hints(cast(type, cls)):
            raise TypeError(f"{cls} has a field called {KIND!r}, so it cannot be told apart in a union")
    return {cast(type, cls).__name__: cast(type, cls) for cls in classes}


def _wrong(where: str, hint: Any, value: object) -> InvalidInput:
    return InvalidInput(f"{where} is {_shown(value)}; wanted {_described(hint)}")


def _shown(value: object) -> str:
    if isinstance(value, (dict, list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _described(hint: Any) -> str:
    if hint in _SCALAR_NAMES:
        return _SCALAR_NAMES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin is tuple:
        return f"a list of {'' if Ellipsis in arguments else len(arguments)}".rstrip() + " values"
    if origin is np.ndarray:
        return f"an array of {_array_dtype(hint)}"
    members = _members(hint)
    return " or ".join(map(_described, members)) if len(members) > 1 else getattr(hint, "__name__", str(hint))


def _array_dtype(hint: Any) -> np.dtype[Any]:
    scalar: type[np.generic] = typing.get_args(typing.get_args(hint)[1])[0]
    return np.dtype(scalar)


def _item_hints(hint: Any, count: int, where: str) -> tuple[Any, ...]:
    """The type of each of ``count`` items of a tuple."""
    arguments = typing.get_args(hint)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return (arguments[0],) * count
    if len(arguments) != count:
        raise InvalidInput(f"{where} has {count} values; wanted {len(arguments)}")
    return arguments


# ---------------------------------------------------------------- one type at a time, in both directions

# A converter gets (value, hint, arrays, where) and raises InvalidInput.


def _scalar(value: object, hint: Any, where: str) -> Plain:
    if isinstance(value, np.generic):
        value = value.item()
    if hint is float and type(value) in (int, float):
        try:
            number = float(cast(float, value))
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    elif hint is not float and type(value) is hint:
        return cast(Plain, value)
    raise _wrong(where, hint, value)


def _literal(value: object, hint: Any, where: str) -> Plain:
    for choice in typing.get_args(hint):
        if type(value) is type(choice) and value == choice:
            return cast(Plain, value)
    raise _wrong(where, hint, value)


def _first_that_fits(value: object, hint: Any, convert: Callable[[object, Any], Any], where: str) -> Any:
    """A union without tags: the first alternative that takes the value; with one candidate, that one's own error."""
    candidates = [member for member in _members(hint) if member is not _NONE]
    if len(candidates) == 1:
        return convert(value, candidates[0])
    for member in candidates:
        try:
            return convert(value, member)
        except InvalidInput:
            continue
    raise _wrong(where, hint, value)


def _write(value: object, hint: Any, arrays: list[Array] | None, where: str) -> Plain:
    origin = typing.get_origin(hint)
    if len(_members(hint)) > 1:
        return _write_union(value, hint, arrays, where)
    if origin is Literal:
        return _literal(value, hint, where)
    if hint in _SCALAR_NAMES:
        return _scalar(value, hint, where)
    if origin is np.ndarray:
        return _write_array(value, hint, arrays, where)
    if origin is tuple and isinstance(value, tuple):
        items = zip(value, _item_hints(hint, len(value), where), strict=True)
        return [_write(item, item_hint, arrays, f"{where}[{i}]") for i, (item, item_hint) in enumerate(items)]
    if dataclasses.is_dataclass(hint) and type(value) is hint:
        return _write_dataclass(value, arrays, where)
    raise _wrong(where, hint, value)


def _write_union(value: object, hint: Any, arrays: list[Array] | None, where: str) -> Plain:
    if value is None and _NONE in _members(hint):
        return None
    name = type(value).__name__
    if _tagged(hint).get(name) is type(value):
        return {KIND: name, **_write_dataclass(value, arrays, where)}
    return cast(Plain, _first_that_fits(value, hint, lambda v, member: _write(v, member, arrays, where), where))


def _write_dataclass(value: object, arrays: list[Array] | None, where: str) -> dict[str, Plain]:
    cls: type = type(value)
    hints = _hints(cls)
    return {name: _write(getattr(value, name), hint, arrays, f"{where}.{name}") for name, hint in hints.items()}


def _write_array(value: object, hint: Any, arrays: list[Array] | None, where: str) -> Plain:
    if not isinstance(value, np.ndarray) or value.dtype != _array_dtype(hint):
        raise InvalidInput(f"{where} is {type(value).__name__}; wanted {_described(hint)}")
    if arrays is None:
        raise InvalidInput(f"{where} is an array and cannot be written as text")
    arrays.append(value)
    return {ARRAY: len(arrays) - 1}


def _read(plain: object, hint: Any, arrays: Sequence[Array], where: str) -> object:
    origin = typing.get_origin(hint)
    if len(_members(hint)) > 1:
        return _read_union(plain, hint, arrays, where)
    if origin is Literal:
        return _literal(plain, hint, where)
    if hint in _SCALAR_NAMES:
        return _scalar(plain, hint, where)
    if origin is np.ndarray:
        return _read_array(plain, hint, arrays, where)
    if origin is tuple and isinstance(plain, (list, tuple)):
        items = zip(plain, _item_hints(hint, len(plain), where), strict=True)
        return tuple(_read(item, item_hint, arrays, f"{where}[{i}]") for i, (item, item_hint) in enumerate(items))
    if dataclasses.is_dataclass(hint):
        return _read_dataclass(cast(type, hint), plain, arrays, where)
    raise _wrong(where, hint, plain)


def _read_union(plain: object, hint: Any, arrays: Sequence[Array], where: str) -> object:
    if plain is None and _NONE in _members(hint):
        return None
    tagged = _tagged(hint)
    if tagged and isinstance(plain, dict):
        fields = dict(plain)
        kind = fields.pop(KIND, None)
        if not isinstance(kind, str) or kind not in tagged:
            raise InvalidInput(f"{where} has {KIND} {_shown(kind)}; wanted one of {', '.join(tagged)}")
        return _read_dataclass(tagged[kind], fields, arrays, where)
    return _first_that_fits(plain, hint, lambda v, member: _read(v, member, arrays, where), where)


def _read_dataclass(cls: type, plain: object, arrays: Sequence[Array], where: str) -> object:
    if not isinstance(plain, dict):
        raise InvalidInput(f"{where} is {_shown(plain)}; wanted the fields of {cls.__name__}")
    hints = _hints(cls)
    unknown = [key for key in plain if key not in hints]
    if unknown:
        raise InvalidInput(f"{where} has an unknown key {_shown(unknown[0])}; known are {', '.join(hints) or 'none'}")
    missing = [name for name in hints if name not in plain and name not in _defaulted(cls)]
    if missing:
        raise InvalidInput(f"{where} lacks {missing[0]}")
    # In the order of the class, not of the file: arrays are numbered in that order.
    values = {name: _read(plain[name], hints[name], arrays, f"{where}.{name}") for name in hints if name in plain}
    try:
        return cls(**values)
    except InvalidInput as error:
        raise type(error)(f"{where}: {error.message}", advice=error.advice) from error


def _read_array(plain: object, hint: Any, arrays: Sequence[Array], where: str) -> Array:
    index = plain.get(ARRAY) if isinstance(plain, dict) and len(plain) == 1 else None
    if type(index) is not int or not 0 <= index < len(arrays):
        raise InvalidInput(f"{where} is {_shown(plain)}; wanted the number of one of {len(arrays)} arrays")
    if arrays[index].dtype != _array_dtype(hint):
        raise InvalidInput(f"{where} is an array of {arrays[index].dtype}; wanted {_described(hint)}")
    return arrays[index]
