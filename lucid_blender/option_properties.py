"""Every option of core/options/ as a Blender property: a PropertyGroup for each dataclass, made from its fields.

So an option that is added there is in the interface, too, with its comment as the tooltip. ``fill`` copies a value
into its group, ``read`` makes a value from a group; both keep what the interface cannot show exactly.
"""

import dataclasses
import json
import typing
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from .core.errors import InvalidInput
from .core.option_fields import OptionField, option_fields, summary
from .core.options import Control, Generation, Lora, Objective

OPTIONS_PATH = "lucid.options"  # from the scene
DIGITS = 7  # of a float32, which is what Blender keeps of a number
SCALARS = {bool: BoolProperty, int: IntProperty, float: FloatProperty, str: StringProperty}
UNITS = {
    "metres": "LENGTH",
    "radians": "ROTATION",
    "seconds": "TIME_ABSOLUTE",
}  # by a comment's first word
SLIDERS = {  # as far as dragging goes, which typing may exceed
    (Control, "weight"): (0.0, 2.0),
    (Generation, "resolution"): (64, 1024),
    (Generation, "views"): (1, 16),
    (Lora, "weight"): (-1.0, 2.0),
}
VECTORS = {int: IntVectorProperty, float: FloatVectorProperty}


def kind_of(field: OptionField) -> str:
    """The property that holds a choice of dataclasses, and beside it one group for each of them."""
    return f"{field.name}_kind"


def switch_of(field: OptionField) -> str:
    """The property that says whether a field that may be None is set."""
    return f"{field.name}_set"


def group_of(field: OptionField, member: type) -> str:
    """The property that holds a member of a field: the field's own name where it has no choice."""
    return field.name if len(field.members) == 1 else f"{field.name}_{member.__name__.lower()}"


def fill(group: Any, value: object) -> None:
    """Copy an option dataclass into its group."""
    for field in option_fields(type(value)):
        new = getattr(value, field.name)
        if field.optional:
            setattr(group, switch_of(field), new is not None)
        if new is None:
            continue
        if field.is_list:
            items = getattr(group, field.name)
            items.clear()
            for item in new:
                fill(items.add(), item)
        elif field.members:
            if len(field.members) > 1:
                setattr(group, kind_of(field), type(new).__name__)
            fill(getattr(group, group_of(field, type(new))), new)
        elif field.hint in SCALARS or _vector_item(field.hint):
            setattr(group, field.name, new)
        elif _choices(field.hint):
            setattr(group, field.name, str(new))
        else:
            setattr(group, field.name, json.dumps(new))


def read(group: Any, cls: type, **given: object) -> Any:
    """The option dataclass that a group stands for; ``given`` fields are not read. Raises InvalidInput."""
    values = {field.name: _read_field(group, field) for field in option_fields(cls) if field.name not in given}
    return cls(**values, **given)


def _read_field(group: Any, field: OptionField) -> object:
    if field.optional and not getattr(group, switch_of(field)):
        return None
    if field.is_list:
        return tuple(read(item, field.members[0]) for item in getattr(group, field.name))
    if field.members:
        member = chosen_member(group, field)
        return read(getattr(group, group_of(field, member)), member)
    value = getattr(group, field.name)
    item = _vector_item(field.hint)
    if item:
        return tuple(rounded(number) if item is float else number for number in value)
    if field.hint is float:
        return rounded(value)
    if _choices(field.hint):
        return next(choice for choice in _choices(field.hint) if str(choice) == value)
    return value if field.hint in SCALARS else _from_json(field, value)


def chosen_member(group: Any, field: OptionField) -> type:
    """The dataclass that a field of several is at present."""
    if len(field.members) == 1:
        return field.members[0]
    return next(member for member in field.members if member.__name__ == getattr(group, kind_of(field)))


def rounded(number: float) -> float:
    """The shortest decimal that Blender's float32 stands for: 0.00016 comes back as 0.00016."""
    return float(f"{number:.{DIGITS}g}")


def _from_json(field: OptionField, text: str) -> object:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{field.label} is {text!r}", advice="Enter a list such as [16, 32].") from error
    return tuple(value) if isinstance(value, list) else value


def _choices(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()


def _vector_item(hint: Any) -> type | None:
    """float for tuple[float, float]; None for what is no tuple of equal numbers."""
    items = typing.get_args(hint) if typing.get_origin(hint) is tuple else ()
    return items[0] if items and set(items) in ({int}, {float}) else None


# ---------------------------------------------------------------- the classes

_groups: dict[type, type] = {}  # in the order in which they must be registered


def _mirror(cls: type) -> type:
    if cls not in _groups:
        properties: dict[str, Any] = {}
        for field in option_fields(cls):
            properties |= _properties(field, _slider(cls, field))
        name = f"LUCID_PG_{cls.__name__}"
        members = {"__annotations__": properties, "__doc__": summary(cls), "__module__": __name__}
        group = type(name, (bpy.types.PropertyGroup,), members)
        _groups[cls] = group  # after those that it points to
    return _groups[cls]


def _slider(cls: type, field: OptionField) -> dict[str, Any]:
    low, high = SLIDERS.get((cls, field.name), (None, None))
    digits = {"precision": 2} if field.hint is float else {}
    return {} if high is None else {"soft_min": low, "soft_max": high, **digits}


def _properties(field: OptionField, slider: dict[str, Any]) -> dict[str, Any]:
    texts = {"name": field.label, "description": field.comment[:1].upper() + field.comment[1:]}
    found: dict[str, Any] = {}
    if field.optional:
        found[switch_of(field)] = BoolProperty(default=field.default is not None, **texts)
    if field.is_list:
        return found | {field.name: CollectionProperty(type=_mirror(field.members[0]), **texts)}
    if field.members:
        if len(field.members) > 1:
            items = [(member.__name__, title(member), summary(member)) for member in field.members]
            found[kind_of(field)] = EnumProperty(items=items, default=type(field.default).__name__, **texts)
        pointers = {group_of(field, member): PointerProperty(type=_mirror(member)) for member in field.members}
        return found | pointers
    return found | {field.name: _plain(field.hint, texts | slider | _starts(field) | _unit(field))}


def _unit(field: OptionField) -> dict[str, Any]:
    """The unit that the comment begins with, where Blender knows it."""
    number = field.hint is float or _vector_item(field.hint) is float
    words = field.comment.replace(",", " ").replace(";", " ").replace(":", " ").split()
    return {"unit": UNITS[words[0]]} if number and words and words[0] in UNITS else {}


def _starts(field: OptionField) -> dict[str, Any]:
    """The default, as a keyword of the property that holds it."""
    if field.default in (dataclasses.MISSING, None):
        return {}
    if _choices(field.hint):
        return {"default": str(field.default)}
    plain = field.hint in SCALARS or _vector_item(field.hint)
    return {"default": field.default if plain else json.dumps(field.default)}


def _plain(hint: Any, texts: dict[str, Any]) -> Any:
    item = _vector_item(hint)
    if item:
        numbers = {"precision": 4} if item is float else {}
        return VECTORS[item](size=len(typing.get_args(hint)), **(numbers | texts))
    if _choices(hint):
        return EnumProperty(items=[(str(choice), str(choice), "") for choice in _choices(hint)], **texts)
    if hint is float:
        return FloatProperty(**({"precision": 4} | texts))
    return SCALARS.get(hint, StringProperty)(**texts)


def title(cls: type) -> str:
    """ "Mesh Surface" for MeshSurface, "VDM" for Vdm."""
    name = cls.__name__
    if cls in typing.get_args(Objective) and len(name) <= 4:  # initials
        return name.upper()
    return "".join(f" {c}" if c.isupper() and i else c for i, c in enumerate(name))


OptionsGroup = _mirror(Generation)
CLASSES = tuple(_groups.values())
