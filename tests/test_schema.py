"""The JSON that others read: what was once promised still holds.

tests/schema.json is the promise. A field may be added; one that goes, or changes what it can hold, needs a new
SCHEMA_VERSION. After either, write the promise anew: python -m tests.test_schema
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smtpwatch.events import SCHEMA_VERSION, AnyEvent
from smtpwatch.state.facts import SessionFacts
from smtpwatch.triage.facts import AlertFacts, HookFacts

PROMISE = Path(__file__).with_name("schema.json")
_REFRESH = "python -m tests.test_schema"

Schema = dict[str, Any]


def _current() -> Schema:
    promised = (AnyEvent, SessionFacts, AlertFacts, HookFacts)
    _, components = msgspec.json.schema_components(promised, ref_template="{name}")
    kinds: Schema = {}
    for name, kind in sorted(components.items()):
        fields = {field: _said(what) for field, what in sorted(kind["properties"].items())}
        kinds[name] = {"fields": fields, "required": sorted(kind["required"])}
    return {"version": SCHEMA_VERSION, "kinds": kinds}


def _said(what: Any) -> Any:
    """A field's type without prose and defaults, in an order of its own."""
    if isinstance(what, dict):
        return {
            key: _said(value) for key, value in sorted(what.items()) if key not in ("title", "description", "default")
        }
    if isinstance(what, list):
        return sorted(map(_said, what), key=repr)
    return what


def _broken(promised: Schema, current: Schema) -> list[str]:
    """What a reader of the promised JSON would stumble over."""
    broken = []
    for name, kind in promised["kinds"].items():
        now = current["kinds"].get(name)
        if now is None:
            broken.append(f"{name} is gone")
            continue
        for field, what in kind["fields"].items():
            if field not in now["fields"]:
                broken.append(f"{name}.{field} is gone")
            elif now["fields"][field] != what:
                broken.append(f"{name}.{field} was {what}, is {now['fields'][field]}")
        broken += [f"{name}.{field} may be missing" for field in kind["required"] if field not in now["required"]]
    return broken


def test_nothing_promised_is_broken() -> None:
    promised, current = json.loads(PROMISE.read_text()), _current()
    broken = _broken(promised, current)
    if current["version"] == promised["version"]:
        assert broken == [], f"raise SCHEMA_VERSION, then: {_REFRESH}"
    else:
        assert current["version"] > promised["version"]
        pytest.fail(f"SCHEMA_VERSION has been raised: {_REFRESH}")


def test_the_promise_is_up_to_date() -> None:
    assert _current() == json.loads(PROMISE.read_text()), f"fields were added: {_REFRESH}"


def test_every_event_session_and_alert_is_promised() -> None:
    kinds = json.loads(PROMISE.read_text())["kinds"]
    assert {event.__name__ for event in AnyEvent.__args__} < set(kinds)
    assert {"SessionFacts", "AlertFacts", "HookFacts"} < set(kinds)
    for event in AnyEvent.__args__:
        kind = kinds[event.__name__]
        assert kind["fields"]["type"] == {"enum": [event.__name__]}
        assert {"type", "time", "sensor", "host"} <= set(kind["required"])


def test_it_would_be_seen() -> None:
    promised, changed = _current(), _current()
    assert _broken(promised, changed) == []
    opened = changed["kinds"]["SessionOpened"]
    opened["fields"]["added"] = {"type": "string"}
    changed["kinds"]["Added"] = opened
    assert _broken(promised, changed) == []
    opened["fields"]["client_port"] = {"type": "string"}
    del opened["fields"]["server"]
    opened["required"].remove("time")
    del changed["kinds"]["Tally"]
    assert _broken(promised, changed) == [
        "SessionOpened.client_port was {'type': 'integer'}, is {'type': 'string'}",
        "SessionOpened.server is gone",
        "SessionOpened.time may be missing",
        "Tally is gone",
    ]


def test_an_enumeration_that_changes_is_seen() -> None:
    promised, changed = _current(), _current()
    changed["kinds"]["SessionClosed"]["fields"]["closed_by"]["enum"].remove("timeout")
    (broken,) = _broken(promised, changed)
    assert broken.startswith("SessionClosed.closed_by was ")


if __name__ == "__main__":
    PROMISE.write_text(json.dumps(_current(), indent=1, sort_keys=True) + "\n")
