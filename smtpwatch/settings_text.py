"""Settings as TOML: what can be set, what each is for, and what it is."""

import json
from textwrap import wrap

import msgspec

from smtpwatch import config
from smtpwatch.config import Config, ConfigError

WIDTH = 100


def as_toml(settings: Config) -> str:
    """A file that says just that, each key with its explanation above it: `load` reads it back to the same."""
    said = explanations()
    parts = []
    for name in Config.__struct_fields__:
        lines = wrap(said[name], WIDTH, initial_indent="# ", subsequent_indent="# ")
        parts.append("\n".join([*lines, f"{name} = {_value(getattr(settings, name))}"]))
    return "\n\n".join(parts) + "\n"


def explanations() -> dict[str, str]:
    """By key, the words that stand below it in the source of Config, where they are written once for all readers."""
    import ast  # these two take 15 ms, which the start of the screen has no use for
    import inspect

    (struct,) = (
        node
        for node in ast.parse(inspect.getsource(config)).body
        if isinstance(node, ast.ClassDef) and node.name == Config.__name__
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

    Raises ConfigError for what is no assignment, or to no setting."""
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise ConfigError(f"not KEY=VALUE: {text!r}")
    if name not in Config.__struct_fields__:
        raise ConfigError(f"no such setting: {name!r} (smtpwatch config --print-default lists them)")
    try:
        return name, msgspec.toml.decode(f"it = {value}".encode())["it"]
    except (msgspec.MsgspecError, ValueError):
        return name, value.strip()
