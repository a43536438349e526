"""Options by their dotted names, as the command lines and tables take them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from . import codec
from .errors import InvalidInput
from .options import Generation


def with_settings(generation: Generation, settings: Iterable[str]) -> Generation:
    """The options with "name.name=value" changes, values as JSON or plain text. Raises InvalidInput naming the name."""
    values: dict[str, object] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise _unknown(name)
        values[name] = value_of(text)
    return with_options(generation, values)


def with_options(generation: Generation, values: Mapping[str, object]) -> Generation:
    """The options with changes by dotted name, such as {"objective.delta_t": 100}; values as JSON has them."""
    plain = codec.to_plain(generation)
    for name, value in values.items():
        *path, last = name.split(".")
        place: object = plain
        for key in path:
            place = place.get(key) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            raise _unknown(name)
        place[last] = value
    return codec.from_plain(Generation, plain)


def value_of(text: str) -> object:
    """JSON, or the text itself where it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(f"there is no option {name!r}", advice="core/options/ lists the names.")
