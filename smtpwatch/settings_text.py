"""Settings as TOML: what can be set, what each is for, and what it is."""

import json
from collections.abc import Iterator
from textwrap import wrap

import msgspec

from smtpwatch.config import Config, ConfigError
from smtpwatch.thresholds import Thresholds

WIDTH = 100

Struct = type[msgspec.Struct]
TABLES: dict[str, Struct] = {"alerts": Thresholds}
"""Settings that are tables of settings, by name; they come last, as TOML wants it."""


def as_toml(settings: Config) -> str:
    """A file that says just that, each key with its explanation above it: `load` reads it back to the same."""
    parts = list(_lines(settings))
    for name in TABLES:
        parts += [f"[{name}]", *_lines(getattr(settings, name))]
    return "\n\n".join(parts) + "\n"


def _lines(settings: msgspec.Struct) -> Iterator[str]:
    said = explanations(type(settings))
    for name in settings.__struct_fields__:
        if name not in TABLES:
            lines = wrap(said[name], WIDTH, initial_indent="# ", subsequent_indent="# ")
            yield "\n".join([*lines, f"{name} = {_value(getattr(settings, name))}"])


def explanations(of: Struct = Config) -> dict[str, str]:
    """By key, the words that stand below it in the source of Config, where they are written once for all readers."""
    import ast  # these two take 15 ms, which the start of the screen has no use for
    import inspect
    import sys

    (struct,) = (
        node
        for node in ast.parse(inspect.getsource(sys.modules[of.__module__])).body
        if isinstance(node, ast.ClassDef) and node.name == of.__name__
    )
    said = {}
    for field, words in zip(struct.body, struct.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(words, ast.Expr):
            said[field.target.id] = " ".join(str(ast.literal_eval(words.value)).split())
    return said


def _value(value: object) -> str:
    """A string, number, bool or a tuple of them, as TOML writes it: as JSON does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def assigned(text: str) -> tuple[str, object]:
    """`refresh=2`, `ports=[25, 587]`, `theme=light` as (key, value): a TOML value, or a word without quotes.
    `alerts.bell=true` is ("alerts", {"bell": True}).

    Raises ConfigError for what is no assignment, or to no setting."""
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise ConfigError(f"not KEY=VALUE: {text!r}")
    table, dot, key = name.partition(".")
    known = TABLES[table].__struct_fields__ if dot and table in TABLES else Config.__struct_fields__
    if (key if dot else name) not in known or (dot and table not in TABLES):
        raise ConfigError(f"no such setting: {name!r} (smtpwatch config --print-default lists them)")
    try:
        found = msgspec.toml.decode(f"it = {value}".encode())["it"]
    except (msgspec.MsgspecError, ValueError):
        found = value.strip()
    return (table, {key: found}) if dot else (name, found)
