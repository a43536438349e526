"""The options as a tree to walk through: for interfaces that show all of them without naming each.

A field's explanation is the comment behind it, so that it stands once, where the default stands.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import io
import textwrap
import tokenize
import types
import typing
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OptionField:
    """One field of an option dataclass."""

    name: str
    hint: Any  # its type, without None
    optional: bool  # whether it may be None
    comment: str
    default: object  # dataclasses.MISSING where it must be given

    @property
    def label(self) -> str:
        name = self.name.replace("_seconds", "s")  # which its unit says
        return name.replace("_", " ").title().replace("Lora", "LoRA").replace("Fov", "FoV").replace("Tv", "TV")

    @property
    def members(self) -> tuple[type, ...]:
        """The dataclasses that it may be, or that a list of it may hold; none for a plain value."""
        hint = typing.get_args(self.hint)[0] if self.is_list else self.hint
        alternatives = typing.get_args(hint) if _is_union(hint) else (hint,)
        return tuple(one for one in alternatives if isinstance(one, type) and dataclasses.is_dataclass(one))

    @property
    def is_list(self) -> bool:
        """Whether it holds any number of dataclasses."""
        arguments = typing.get_args(self.hint)
        return len(arguments) == 2 and arguments[1] is Ellipsis and dataclasses.is_dataclass(arguments[0])


@functools.cache
def option_fields(cls: type) -> tuple[OptionField, ...]:
    """The fields of an option dataclass, in their order."""
    hints, comments = typing.get_type_hints(cls), _comments(cls)
    return tuple(
        OptionField(field.name, *_without_none(hints[field.name]), comments.get(field.name, ""), _default(field))
        for field in dataclasses.fields(cls)
    )


def summary(cls: type) -> str:
    """The first paragraph of a dataclass's docstring in one line, without its full stop."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()).removesuffix(".")


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if not _is_union(hint):
        return hint, False
    kept = tuple(one for one in typing.get_args(hint) if one is not type(None))
    return typing.Union[kept], len(kept) < len(typing.get_args(hint))  # noqa: UP007


def _default(field: dataclasses.Field[Any]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _comments(cls: type) -> dict[str, str]:
    """By field name, what stands behind "#" on the field's lines; of a class and those that it inherits from."""
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__[:-1]):
        source = textwrap.dedent(inspect.getsource(one))
        by_line = {
            token.start[0]: token.string.lstrip("# ")
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
        (tree,) = ast.parse(source).body
        assert isinstance(tree, ast.ClassDef)
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                found[node.target.id] = " ".join(by_line[line] for line in lines if line in by_line)
    return found
