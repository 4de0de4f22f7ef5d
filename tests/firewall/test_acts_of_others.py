"""What was done before, by others or in another firewall, and what becomes of it."""

from pathlib import Path

import pytest

from smtpwatch.firewall import drift
from smtpwatch.firewall.acts import Acts
from smtpwatch.firewall.backend import BackendError
from smtpwatch.firewall.block import DEFAULT_TIME, PROBATION
from smtpwatch.firewall.guard import Finding, Protected
from smtpwatch.firewall.journal import Blocking, JournalError, Unblocking
from smtpwatch.firewall.opening import holding
from smtpwatch.firewall.planning import Actor
from smtpwatch.firewall.request import Request
from smtpwatch.firewall.sockets import SocketsError
from smtpwatch.firewall.who import Who
from tests.firewall.fakes import NOW, PORTS, FakeFirewall, Scene, nets

SPAMMER, OTHER = nets("203.0.113.7", "203.0.113.8")
ASKED = Finding(SPAMMER, "good mail", "203.0.113.7 has good mail")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "journal")


class Killed(BaseException):
    """What kill -9 is to the code: nothing after it runs."""


def killed(scene: Scene, request: Request | None = None) -> None:
    """Ada is killed before the firewall is told."""

    def die() -> None:
        raise Killed

    scene.firewall.before = die
    with pytest.raises(Killed):
        scene.acts.block(request) if request is not None else scene.acts.unblock([SPAMMER])
    scene.firewall.before = lambda: None


# Undo: of one's own act only.


def test_undo_leaves_alone_what_somebody_has_blocked_since(scene: Scene) -> None:
    ada = scene.acts.block(Request((SPAMMER,)))
    scene.clock.now += 2 * DEFAULT_TIME
    scene.another("bob").block(Request((SPAMMER,), seconds=None, usual=False))
    assert scene.acts.undo(ada.act).networks == ()
    assert scene.blocked() == ["203.0.113.7/32"]
    scene.acts.follow()
    assert [(block.who, block.until) for block in scene.acts.ledger.standing(scene.clock.now)] == [("bob", None)]


def test_undo_of_an_unblock_leaves_alone_what_somebody_has_blocked_since(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=600.0, usual=False))
    let_in = scene.acts.unblock([SPAMMER])
    scene.another("bob").block(Request((SPAMMER,), "all", seconds=None, usual=False))
    assert scene.acts.undo(let_in.act).networks == ()
    assert scene.firewall.held[SPAMMER, "all"][0] is None


def test_undo_after_undo_goes_back_step_by_step(scene: Scene) -> None:
    first = scene.acts.block(Request((SPAMMER,)))
    second = scene.acts.block(Request((SPAMMER,), seconds=None, usual=False))
    third = scene.acts.block(Request((SPAMMER,), "all", exact=True))
    scene.acts.undo(third.act)
    assert scene.firewall.held[SPAMMER, "smtp"][0] is None
    scene.acts.undo(second.act)
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + DEFAULT_TIME
    assert scene.acts.undo(first.act).networks == (SPAMMER,) and scene.blocked() == []


def test_undo_lets_in_who_must_not_be_blocked_by_now(scene: Scene) -> None:
    """A time is to be set back; but by now the admin has come in from there."""
    scene.acts.block(Request((SPAMMER,), seconds=600.0, usual=False))
    longer = scene.acts.block(Request((SPAMMER, OTHER), seconds=None, usual=False))
    scene.protected.append(Protected(SPAMMER, "ssh", "the admin, by now"))
    assert set(scene.acts.undo(longer.act).networks) == {SPAMMER, OTHER}
    assert scene.blocked() == []


def test_undo_lets_in_even_where_a_time_cannot_be_set_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=600.0, usual=False))
    longer = scene.acts.block(Request((SPAMMER, OTHER), seconds=None, usual=False))
    scene.acts.follow()

    def full(record: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(scene.acts.journal, "append", full)
    with pytest.raises(JournalError):
        scene.acts.undo(longer.act)
    assert scene.blocked() == ["203.0.113.7/32"]


def test_undo_of_keep_is_probation_again(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), findings=(ASKED,), sure=True))
    kept = scene.acts.block(Request((SPAMMER,), times={SPAMMER: DEFAULT_TIME}, sure=True, keep=True, exact=True))
    scene.clock.now += 20
    scene.acts.undo(kept.act)
    (block,) = scene.acts.ledger.standing(scene.clock.now)
    assert (block.kept, block.asked, block.until) == (False, DEFAULT_TIME, NOW + PROBATION)


# What stands is not made less unasked.


def test_blocked_again_no_port_and_no_time_is_taken_from_it(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), "all", seconds=None, usual=False))
    answer = scene.acts.block(Request((SPAMMER, OTHER), times={SPAMMER: 5.0, OTHER: 5.0}))
    assert answer.outcome == "applied"
    assert scene.firewall.held[SPAMMER, "all"][0] is None and (SPAMMER, "smtp") not in scene.firewall.held
    assert scene.firewall.held[OTHER, "smtp"][0] == NOW + 5
    assert scene.acts.verify(answer.act).outcome == "verified"
    fresh = scene.another()
    assert drift.look(fresh) == drift.Drift()
    assert {block.network: block.scope for block in fresh.ledger.standing(NOW)} == {SPAMMER: "all", OTHER: "smtp"}


def test_more_ports_are_asked_about_though_it_is_blocked(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    assert scene.acts.block(Request((SPAMMER,), findings=(ASKED,))).outcome == "applied"
    assert scene.acts.block(Request((SPAMMER,), "all", findings=(ASKED,))).outcome == "asks"


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e20])
def test_a_time_that_no_firewall_holds_has_no_end(scene: Scene, seconds: float) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=seconds, usual=False))
    scene.acts.block(Request((OTHER,), times={OTHER: seconds}))
    assert [until for until, _tag in scene.firewall.held.values()] == [None, None]
    assert [block.until for block in scene.another("bob").ledger.standing(NOW)] == []
    other = scene.another()
    other.follow()
    assert [block.until for block in other.ledger.standing(NOW)] == [None, None]


# A restart, and what it has lost.


def test_what_was_lost_is_put_back_as_it_was(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=24 * DEFAULT_TIME, usual=False))
    scene.clock.now += 24 * DEFAULT_TIME - 5
    scene.firewall.held.clear()
    next_ = scene.another()
    lost = drift.look(next_).gone
    assert drift.look(next_).gone == lost, "looked at twice it is still lost"
    drift.restore(next_, lost, sure=False)
    assert scene.firewall.held[SPAMMER, "smtp"][0] == scene.clock.now + 5
    scene.clock.now += 10
    answer = next_.block(Request((SPAMMER,)))
    assert answer.seconds == (96 * DEFAULT_TIME,)


def test_what_is_asked_about_holds_up_nothing_else_of_what_was_lost(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER, OTHER)))
    scene.firewall.held.clear()
    scene.protected.append(Protected(SPAMMER, "container", "a container of ours"))
    next_ = scene.another()
    outcomes = sorted(answer.outcome for answer in drift.restore(next_, drift.look(next_).gone, sure=False))
    assert outcomes == ["applied", "asks"] and scene.blocked() == ["203.0.113.8/32"]
    assert [block.network for block in drift.look(next_).gone] == [SPAMMER]
    drift.restore(next_, drift.look(next_).gone, sure=True)
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + PROBATION


# Acts that were cut short.


def test_who_is_cut_short_is_settled_by_the_next_that_acts(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=None, usual=False))
    bob = scene.another("bob")
    bob.follow()
    killed(scene)
    bob.block(Request((SPAMMER,), seconds=600.0, usual=False))
    assert bob.ledger.unfinished() == [] and scene.firewall.held[SPAMMER, "smtp"][0] == NOW + 600
    assert drift.look(scene.another()) == drift.Drift()
    bob.unblock([SPAMMER])
    assert scene.blocked() == []


def test_a_late_result_puts_back_nothing_over_a_newer_block(scene: Scene) -> None:
    """As an older version of us may leave it in a journal."""
    scene.acts.block(Request((SPAMMER,), seconds=None, usual=False))
    killed(scene)
    acts = scene.another("bob")
    acts.follow()
    (cut,) = acts.ledger.unfinished()
    with acts.journal.locked():
        record = Blocking(
            act="new", time=NOW, who="bob", uid=1, pid=2, backend="fake", networks={str(SPAMMER): 600.0},
            probation=None, scope="smtp", ports=PORTS, why="",
        )  # fmt: skip
        acts.write(record)
        scene.firewall.held[SPAMMER, "smtp"] = (NOW + 600, "new")
        drift.settle_locked(acts)
    assert isinstance(cut.record, Unblocking)
    (block,) = acts.ledger.standing(NOW)
    assert (block.who, block.until) == ("bob", NOW + 600)


def test_where_sockets_cannot_be_ended_an_act_that_was_cut_short_is_over_all_the_same(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> int:
        raise SocketsError("the kernel ends no sockets")

    monkeypatch.setattr(scene.sessions, "end", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        scene.acts.block(Request((SPAMMER,)))
    monkeypatch.setattr(scene.sessions, "end", never)
    next_ = scene.another()
    assert "the firewall had it" in drift.settle(next_)[0] and next_.ledger.unfinished() == []


def test_nobody_waits_for_a_disk_because_an_act_was_cut_short(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.acts.block(Request((OTHER,)))
    killed(scene, Request((SPAMMER,)))
    next_ = scene.another()

    def full(record: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(next_.journal, "append", full)
    assert "had not been told" in drift.settle(next_)[0]
    answer = next_.unblock([OTHER])
    assert answer.networks == (OTHER,) and answer.unwritten and scene.blocked() == []


def test_half_an_act_gives_back_what_was_there_before_it(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=None, usual=False))
    first = scene.firewall.held[SPAMMER, "smtp"]
    killed(scene, Request((SPAMMER, OTHER)))
    scene.acts.follow()
    (cut,) = scene.acts.ledger.unfinished()
    scene.firewall.held[SPAMMER, "smtp"] = (NOW + DEFAULT_TIME, cut.record.act)
    drift.settle(scene.another())
    assert scene.firewall.held == {(SPAMMER, "smtp"): first}


# Other journals, other firewalls.


def test_a_journal_put_in_its_place_is_read_alone(scene: Scene, tmp_path: Path) -> None:
    ada = scene.acts.block(Request((SPAMMER,)))
    path = tmp_path / "journal"
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole)
    path.chmod(0o600)
    assert scene.acts.undo(ada.act).networks == (SPAMMER,) and scene.blocked() == []


def test_what_the_journal_does_not_know_is_known_before_anything_is_done(scene: Scene, tmp_path: Path) -> None:
    """Else the rules of what others have put there would go."""
    scene.acts.block(Request(nets("198.51.100.0/24")))
    stranger = Scene(tmp_path / "another")
    stranger.firewall = scene.firewall
    acts = stranger.another()
    acts.block(Request((SPAMMER,)))
    assert {each.length for each in scene.firewall.changes[-1].standing} == {24}


class Two:
    """Two firewalls and one journal."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.old, self.new = scene.firewall, FakeFirewall(scene.clock)
        self.new.name = "new"

    def acts(self, reaches: bool = True) -> Acts:
        """On the new one."""

        def other(name: str) -> FakeFirewall:
            if not reaches:
                raise BackendError("it is not installed any longer")
            return {"fake": self.old}[name]

        made = self.scene.another()
        return Acts(self.new, made.journal, made._planner._guard, self.scene.sessions, PORTS,
                    Actor(Who("bob", 1), 1), self.scene.clock, other)  # fmt: skip


def test_what_another_firewall_holds_is_let_in_there(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER, OTHER), seconds=None, usual=False))
    two = Two(scene)
    acts = two.acts()
    seen = drift.look(acts)
    assert not seen.gone and "2 blocks are held by fake" in seen.trouble
    assert holding(acts.ledger, NOW) == "fake"
    assert acts.unblock([SPAMMER]).networks == (SPAMMER,)
    assert scene.blocked() == ["203.0.113.8/32"]
    assert acts.block(Request((OTHER,))).reason == ""
    assert scene.blocked() == [] and (OTHER, "smtp") in two.new.held


def test_where_the_other_firewall_cannot_be_reached_it_is_said(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER, OTHER)))
    acts = Two(scene).acts(reaches=False)
    drift.look(acts)
    answer = acts.unblock([SPAMMER])
    assert answer.outcome == "failed" and "fake still holds 1 of them: it is not installed" in answer.reason
    assert "fake still holds 1 of them" in acts.block(Request((OTHER,))).reason
    assert {block.network for block in acts.ledger.standing(NOW)} == {SPAMMER, OTHER}


def test_ports_that_are_not_in_the_firewall_are_told(scene: Scene) -> None:
    acts = scene.acts
    acts.block(Request((SPAMMER,)))
    held = scene.firewall.read()._replace(ports=frozenset({465, 587}))
    assert acts.compare(held).trouble == "of mail's ports these are not blocked: 25"
    assert acts.compare(held._replace(ports=frozenset(PORTS))).trouble == ""


def test_what_cannot_be_taken_back_is_not_said_to_have_been(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    appended = scene.acts.journal.append

    def once(record: object) -> None:
        if not isinstance(record, Blocking):
            scene.firewall.fail = "the tool hangs"
            raise JournalError("the disk is full")
        appended(record)

    monkeypatch.setattr(scene.acts.journal, "append", once)
    answer = scene.acts.block(Request((SPAMMER,)))
    assert answer.outcome == "failed" and "the firewall holds it" in answer.reason
    assert scene.blocked() == ["203.0.113.7/32"]
