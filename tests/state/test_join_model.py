"""The join against random mail hosts that know what was what: never a wrong join, and as many right ones as can be."""

import random
from dataclasses import replace

import pytest

from tests.state.model import Outcome, Play, Scene

USUAL = Scene(sessions=150, seconds=60, sources=40, processes=20)
CROWD = Scene(sessions=150, seconds=3, sources=1, processes=60, longest=1.0)
FILES = replace(USUAL, live=False, clock=3.3)
SECONDS = replace(FILES, whole_stamps=True, clock=-4.9)


@pytest.mark.parametrize(
    ("scene", "share"),
    [
        pytest.param(replace(USUAL, port_logged=True), 0.99, id="ports"),
        pytest.param(replace(USUAL, port_logged=True, whole_stamps=True), 0.99, id="ports, whole seconds"),
        pytest.param(replace(CROWD, port_logged=True), 0.99, id="ports, a crowd"),
        pytest.param(replace(FILES, port_logged=True, swapped=4.9), 0.99, id="ports, files, late lines"),
        pytest.param(replace(SECONDS, port_logged=True), 0.99, id="ports, files, whole seconds"),
        pytest.param(replace(FILES, clock=4.9, port_logged=True), 0.99, id="ports, files, a clock ahead"),
        pytest.param(USUAL, 0.95, id="sockets"),
        pytest.param(replace(USUAL, whole_stamps=True), 0.95, id="sockets, whole seconds"),
        pytest.param(replace(USUAL, sources=100, seconds=6, sessions=300), 0.95, id="sockets, many at once"),
        pytest.param(replace(CROWD, longest=3.0), 0.75, id="sockets, a crowd of one address"),
        pytest.param(replace(USUAL, looks=False, dark=0.0), 0.95, id="clear"),
        pytest.param(replace(USUAL, looks=False), 0.85, id="time"),
        pytest.param(replace(FILES, dark=1.0), 0.85, id="time, files"),
        pytest.param(replace(SECONDS, dark=1.0), 0.8, id="time, files, whole seconds"),
    ],
)
def test_shares(scene: Scene, share: float) -> None:
    outcomes = [Outcome(Play(seed, scene)) for seed in range(4)]
    assert [outcome.wrong for outcome in outcomes] == [[]] * 4
    assert sum(outcome.share for outcome in outcomes) / 4 >= share


def any_scene(seed: int) -> Scene:
    """Anything from a quiet host to a crowd behind one address that uses its ports again at once."""
    draw = random.Random(seed)
    live = draw.random() < 0.6
    return Scene(
        sessions=draw.choice((20, 60, 150)),
        seconds=draw.choice((3.0, 10.0, 20.0, 60.0)),
        sources=draw.choice((1, 2, 5, 30)),
        processes=draw.choice((1, 3, 6, 20)),
        ports=draw.choice((1, 3, 400)),
        port_logged=draw.random() < 0.3,
        whole_stamps=draw.random() < 0.5,
        clock=draw.choice((0.0, 0.0, draw.uniform(-4.9, 4.9))),
        live=live,
        looks=draw.random() < 0.7,
        read_late=draw.choice((0.05, 0.2, 1.0)),
        wire_late=draw.choice((0.05, 0.05, 0.5)),
        swapped=draw.choice((0.0, 0.0, 0.5) if live else (0.0, 1.0, 4.9)),
        dark=draw.choice((0.0, 0.7, 1.0)),
        names=draw.choice((1, 5, 1_000_000)),
        queue_ids=draw.choice((15.0, 1e9)),
        longest=draw.choice((0.1, 3.0, 10.0)),
    )


@pytest.mark.parametrize("seed", range(60))
def test_never_wrong(seed: int) -> None:
    assert Outcome(Play(seed, any_scene(seed))).wrong == []


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("lost", ["lines", "sessions", "greetings"])
def test_never_wrong_where_something_is_missing(seed: int, lost: str) -> None:
    """Lines, sessions that the capture has missed, greetings: one in fifty."""
    scene = any_scene(1_000 + seed)
    if lost == "lines":
        scene = replace(scene, lines_lost=0.02)
    elif lost == "greetings":
        scene = replace(scene, greetings_lost=0.02)
    else:  # a session that comes at once from the port of one that was not seen is its twin: so none does
        scene = replace(scene, sessions_lost=0.02, ports=400)
    assert Outcome(Play(seed, scene)).wrong == []


@pytest.mark.parametrize("seed", range(20))
def test_each_of_one_host_only(seed: int) -> None:
    """Another host's log beside it, with the same clients and the same processes: none of its lines is taken."""
    play = Play(seed, replace(USUAL, sources=5, sessions=60))
    outcome = Outcome(play, others=Play(1_000 + seed, replace(USUAL, sources=5, sessions=60)))
    assert outcome.wrong == []
    assert outcome.share >= 0.75
