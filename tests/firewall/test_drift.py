"""Where firewall and journal differ: after a crash at any step, a restart, another tool's doing."""

from pathlib import Path

import pytest

from smtpwatch.firewall import drift
from smtpwatch.firewall.backend import Change, Entry, Held
from smtpwatch.firewall.block import DEFAULT_TIME
from smtpwatch.firewall.guard import Protected
from smtpwatch.firewall.journal import Blocking, Unblocking
from smtpwatch.firewall.request import Request
from tests.firewall.fakes import NOW, PORTS, Scene, nets

SPAMMER, OTHER = nets("203.0.113.7", "203.0.113.8")


class Killed(BaseException):
    """What kill -9 is to the code: nothing after it runs."""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "journal")


def die() -> None:
    raise Killed


def test_killed_before_the_firewall_was_told(scene: Scene) -> None:
    scene.firewall.before = die
    with pytest.raises(Killed):
        scene.acts.block(Request((SPAMMER,)))
    scene.firewall.before = lambda: None
    next_ = scene.another("bob")
    assert drift.settle(next_) == ["block of 203.0.113.7/32 by ada was cut short; the firewall had not been told"]
    assert not list(next_.ledger.standing(NOW)) and drift.settle(scene.another()) == []


def test_killed_after_the_firewall_was_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.sessions.live = {SPAMMER: 2}
    monkeypatch.setattr(scene.sessions, "end", lambda *_: die())
    with pytest.raises(Killed):
        scene.acts.block(Request((SPAMMER,)))
    monkeypatch.undo()
    next_ = scene.another()
    assert drift.settle(next_) == ["block of 203.0.113.7/32 by ada was cut short; the firewall had it"]
    assert [block.state for block in next_.ledger.standing(NOW)] == ["applied"]
    assert not scene.sessions.live
    assert drift.look(next_) == drift.Drift()


def test_half_of_it_done_is_taken_back(scene: Scene) -> None:
    def half(change: Change) -> None:
        scene.firewall.held[SPAMMER, "smtp"] = (NOW + 60, change.add[0].tag)
        die()

    real, scene.firewall.apply = scene.firewall.apply, half  # type: ignore[method-assign]
    with pytest.raises(Killed):
        scene.acts.block(Request((SPAMMER, OTHER)))
    scene.firewall.apply = real  # type: ignore[method-assign]
    assert "had not been told" in drift.settle(scene.another())[0]
    assert scene.blocked() == []


def test_killed_while_a_time_was_set_anew(scene: Scene) -> None:
    first = scene.acts.block(Request((SPAMMER,)))
    scene.firewall.before = die
    with pytest.raises(Killed):
        scene.acts.block(Request((SPAMMER,), seconds=None, usual=False))
    next_ = scene.another()
    drift.settle(next_)
    (block,) = next_.ledger.standing(NOW)
    assert (block.act, block.until) == (first.act, NOW + DEFAULT_TIME)


@pytest.mark.parametrize("told", [False, True])
def test_killed_while_unblocking(scene: Scene, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.acts.block(Request((SPAMMER,)))
    if told:
        monkeypatch.setattr(scene.acts, "_result", lambda *_: die())
    else:
        scene.firewall.before = die
    with pytest.raises(Killed):
        scene.acts.unblock([SPAMMER])
    scene.firewall.before = lambda: None
    next_ = scene.another()
    assert ("the firewall had it" in drift.settle(next_)[0]) is told
    assert [block.network for block in next_.ledger.standing(NOW)] == ([] if told else [SPAMMER])
    assert drift.look(next_) == drift.Drift()


def test_an_act_that_is_under_way_is_not_settled_by_another(scene: Scene) -> None:
    """It holds the lock, so whoever would settle it waits; then there is nothing to settle."""
    seen: list[int] = []
    other = scene.another()

    def peek() -> None:
        other.follow()
        seen.append(len(other.ledger.unfinished()))

    scene.firewall.before = peek
    scene.acts.block(Request((SPAMMER,)))
    assert seen == [1] and drift.settle(other) == []


def test_after_a_restart_what_is_gone_is_told_and_restored(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), why="spam"))
    scene.acts.block(Request((OTHER,), "all", seconds=None, usual=False))
    scene.firewall.held.clear()
    scene.clock.now += 600
    next_ = scene.another()
    seen = drift.look(next_)
    assert [block.network for block in seen.gone] == [SPAMMER, OTHER] and all(block.gone for block in seen.gone)
    assert "restarted" in seen.gone[0].reason and not list(next_.ledger.standing(scene.clock.now))
    answers = drift.restore(next_, seen.gone, sure=False)
    assert [answer.outcome for answer in answers] == ["applied", "applied"]
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + DEFAULT_TIME
    assert scene.firewall.held[OTHER, "all"][0] is None
    assert drift.look(next_) == drift.Drift()


def test_the_guard_is_asked_again_before_anything_is_restored(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER, OTHER)))
    scene.firewall.held.clear()
    scene.protected.append(Protected(SPAMMER, "ssh", "the admin, by now"))
    next_ = scene.another()
    (answer,) = drift.restore(next_, drift.look(next_).gone, sure=True)
    assert answer.networks == (OTHER,) and scene.blocked() == ["203.0.113.8/32"]


def test_what_has_run_out_is_not_gone(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    scene.clock.now += DEFAULT_TIME - 1  # the kernel's second may be a little shorter than ours
    scene.firewall.held.clear()
    assert drift.look(scene.acts) == drift.Drift()


def test_what_nobody_here_put_there_is_told_and_can_be_let_in(scene: Scene) -> None:
    scene.firewall.held[OTHER, "smtp"] = (NOW + 500, "")
    seen = drift.look(scene.acts)
    (block,) = seen.strange
    assert (block.network, block.who, block.act, block.until) == (OTHER, "", "", NOW + 500)
    assert drift.look(scene.acts).strange == (block,)
    assert scene.acts.unblock([OTHER]).networks == (OTHER,) and scene.blocked() == []
    scene.firewall.held[SPAMMER, "smtp"] = (NOW + 500, "")
    drift.look(scene.acts)
    scene.firewall.held.clear()
    assert drift.look(scene.acts) == drift.Drift()


def test_the_kernels_time_and_count_are_shown(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    scene.firewall.packets = 7
    scene.firewall.held[SPAMMER, "smtp"] = (NOW + 100, "somebody's")
    drift.look(scene.acts)
    (block,) = scene.acts.ledger.standing(NOW)
    assert (block.until, block.dropped, block.octets) == (NOW + 100, 7, 280)
    scene.firewall.packets = 9
    drift.look(scene.acts)
    assert (block.dropped, block.octets) == (9, 360)


def test_the_count_goes_on_when_the_kernels_begins_anew(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    scene.firewall.packets = 7
    drift.look(scene.acts)
    scene.acts.block(Request((SPAMMER,)))
    scene.firewall.packets = 2
    drift.look(scene.acts)
    (block,) = scene.acts.ledger.standing(NOW)
    assert (block.dropped, block.octets) == (9, 360)


def test_a_block_on_its_way_is_not_gone(scene: Scene) -> None:
    scene.acts.journal.append(
        Blocking(
            act="x", time=NOW, who="ada", uid=1, pid=1, backend="fake", networks={"203.0.113.7/32": None},
            probation=None, scope="smtp", ports=PORTS, why="",
        )
    )  # fmt: skip
    scene.acts.follow()
    assert drift.compared(scene.acts.ledger, Held({}, ""), NOW) == drift.Drift()


def test_trouble_with_the_rules_is_passed_on(scene: Scene) -> None:
    entries = {(SPAMMER, "smtp"): Entry(None, 0, 0, "")}
    assert drift.compared(scene.acts.ledger, Held(entries, "the chain is gone"), NOW).trouble == "the chain is gone"  # type: ignore[arg-type]


def test_a_journal_with_nonsense_in_it(scene: Scene) -> None:
    scene.acts.journal.append(
        Unblocking(
            act="y", time=NOW, who="eve", uid=1, pid=1, backend="", networks=("rubbish; drop", ""), why="\x1b[2J"
        )
    )
    assert "0 networks" in drift.settle(scene.acts)[0]


def test_what_is_being_let_in_is_nobody_elses(scene: Scene) -> None:
    """The firewall still holds it, the journal says already that it is about to go."""
    scene.acts.block(Request((SPAMMER,)))
    seen: list[drift.Drift] = []
    other = scene.another()

    def peek() -> None:
        other.follow()
        seen.append(drift.compared(other.ledger, scene.firewall.read(), NOW))

    scene.firewall.before = peek
    scene.acts.unblock([SPAMMER])
    assert seen == [drift.Drift()] and not list(other.ledger.standing(NOW))


def test_what_was_done_while_the_firewall_was_read_is_no_difference(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    other, real, reads = scene.another(), scene.firewall.read, 0

    def read() -> Held:
        nonlocal reads
        held = real()
        reads += 1
        if reads == 1:
            scene.firewall.read = real  # type: ignore[method-assign]
            scene.acts.unblock([SPAMMER])
            scene.acts.block(Request((OTHER,)))
            scene.firewall.read = read  # type: ignore[method-assign]
        return held

    scene.firewall.read = read  # type: ignore[method-assign]
    assert drift.look(other) == drift.Drift() and reads == 2
    assert [block.network for block in other.ledger.standing(NOW)] == [OTHER]
