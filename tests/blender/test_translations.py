"""Words in other languages: each is for a text that is shown, and none of the sidebar's basic texts lacks one."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

import lucid_blender
from lucid_blender import panels, properties, registration, translations
from lucid_blender.panels import text

PACKAGE = Path(lucid_blender.__file__).parent
BUTTONS, REST = "Operator", "*"


def literals(node: ast.AST) -> Iterator[str]:
    """The texts that an expression may come to: of a condition both."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from literals(node.body)
            yield from literals(node.orelse)
        case ast.BoolOp():
            for value in node.values:
                yield from literals(value)


def drawn() -> dict[str, set[str]]:
    """Texts in the calls of the panels, in what they loop over, and of the progress line."""
    found: dict[str, set[str]] = {BUTTONS: set(), REST: set()}
    for path in (PACKAGE / "panels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                where = BUTTONS if node.func.attr in ("operator", "menu") else REST
                for keyword in node.keywords:
                    if keyword.arg in ("text", "heading"):
                        found[where] |= set(literals(keyword.value))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "filled":
                found[REST] |= set(literals(node.args[0]))
            if isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
                texts = (part for row in node.iter.elts if isinstance(row, ast.Tuple) for part in row.elts)
                found[BUTTONS] |= {text for part in texts for text in literals(part)}
    for path in (PACKAGE / "client" / "job_state.py", *(PACKAGE / "backend").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say" and node.args:
                found[REST] |= set(literals(node.args[0]))
            if isinstance(node, ast.keyword) and node.arg == "stage":
                found[REST] |= set(literals(node.value))
    return found


def labels() -> dict[str, set[str]]:
    """What the classes are called, and the properties of the sidebar with their choices."""
    found: dict[str, set[str]] = {BUTTONS: set(), REST: set()}
    for cls in registration.CLASSES:
        where = BUTTONS if issubclass(cls, bpy.types.Operator) else REST
        found[where].add(getattr(cls, "bl_label", ""))
    for prop in properties.LucidSettings.bl_rna.properties:
        found[REST].add(prop.name)
        if prop.type == "ENUM" and prop.enum_items:
            found[REST] |= {item.name for item in prop.enum_items}
    return found


@pytest.mark.parametrize("language", translations.LANGUAGES)
@pytest.mark.parametrize("context", [BUTTONS, REST])
def test_every_word_is_for_a_text_that_is_shown(language: str, context: str) -> None:
    words = translations.LANGUAGES[language][context]
    assert set(words) <= drawn()[context] | labels()[context]
    assert all(word.strip() == word != "" for word in words.values())
    assert all(text.endswith("...") == word.endswith("...") for text, word in words.items())


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_that_is_filled_in_has_a_translation_with_the_same_gaps(language: str) -> None:
    words = translations.LANGUAGES[language][REST]
    with_gaps = {text for text in drawn()[REST] if gaps(text)}
    assert len(with_gaps) >= 10 and with_gaps <= set(words)
    assert all(gaps(words[text]) == gaps(text) for text in with_gaps)


def test_what_is_filled_in_stands_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    german = SimpleNamespace(pgettext_iface=translations.GERMAN[REST].__getitem__)
    blender = SimpleNamespace(app=SimpleNamespace(translations=german))
    monkeypatch.setattr(text, "bpy", blender)
    assert text.filled("{done} of {all} steps", done=3, all=9) == "3 von 9 Schritten"


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_sidebar_s_basic_texts_are_complete(language: str) -> None:
    words = translations.LANGUAGES[language]
    own = properties.LucidSettings.bl_rna.properties
    shown = [prop.name for prop in own if prop.identifier in properties.LucidSettings.__annotations__]
    hidden = {own[name].name for name in ("options", "options_filled", "guidance_kind")}
    assert set(shown) - hidden <= set(words[REST])
    assert {cls.bl_label for cls in panels.CLASSES if issubclass(cls, bpy.types.Panel)} <= set(words[REST])
    buttons = {text for text in drawn()[BUTTONS] if text and not text.startswith(("Gaussian", "Licence"))}
    icons = {text for text in buttons if text.isupper() or text.startswith("lucid.")}
    assert buttons - icons <= set(words[BUTTONS])
    assert {"Distilling", "Loading the model", "Starting the backend", "{time} left"} <= set(words[REST])


def test_no_panel_takes_blenders_own_word_for_its_name() -> None:
    """Blender's German for History is that of a log."""
    found = [cls for cls in panels.CLASSES if issubclass(cls, bpy.types.Panel)]
    assert found and {cls.bl_translation_context for cls in found} == {translations.PANELS}


def test_blender_is_told_by_language_and_context(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, dict[str, dict[tuple[str, str], str]]] = {}  # the wheels know no other languages
    fake = SimpleNamespace(register=told.__setitem__, unregister=told.__delitem__)
    with monkeypatch.context() as patched:
        patched.setattr(translations, "bpy", SimpleNamespace(app=SimpleNamespace(translations=fake)))
        translations.register()
        (table,) = told.values()
        assert table["de"][BUTTONS, "Generate"] == "Erzeugen" and table["de"][REST, "Seed"] == "Startwert"
        assert table["de"][translations.PANELS, "History"] == "Verlauf"
        translations.unregister()
    assert not told
