"""Acts, from the guard's word to the firewall's: in both journal and firewall, or in neither."""

import json
from pathlib import Path

import msgspec
import pytest

from smtpwatch.firewall import drift
from smtpwatch.firewall.block import DEFAULT_TIME, ESCALATES_WITHIN, HOUR, LONGEST, PROBATION
from smtpwatch.firewall.guard import Finding, Protected
from smtpwatch.firewall.journal import JournalError
from smtpwatch.firewall.request import Request
from tests.firewall.fakes import NOW, Scene, nets

SPAMMER, OTHER = nets("203.0.113.7", "203.0.113.8")
NETWORK = nets("203.0.113.0/24")[0]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "journal", Protected(nets("198.51.100.1")[0], "ssh", "the client of this SSH session"))


def lines(scene: Scene) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in scene.path.read_text().splitlines()] if scene.path.exists() else []


def test_who_is_free_to_block_is_blocked_at_once(scene: Scene) -> None:
    scene.sessions.live = {SPAMMER: 3}
    answer = scene.acts.block(Request((SPAMMER,), why="spam"))
    assert (answer.outcome, answer.networks, answer.ended, answer.findings) == ("applied", (SPAMMER,), 3, ())
    assert answer.until == NOW + DEFAULT_TIME and answer.seconds == (DEFAULT_TIME,)
    assert scene.firewall.held == {(SPAMMER, "smtp"): (NOW + DEFAULT_TIME, answer.act)}
    asked, came = lines(scene)
    assert asked["who"] == "ada" and asked["uid"] == 1000 and asked["pid"] == 4711 and asked["why"] == "spam"
    assert asked["networks"] == {"203.0.113.7/32": 3600.0} and asked["ports"] == [25, 465, 587]
    assert asked["backend"] == "fake" and asked["scope"] == "smtp"
    assert (came["act"], came["state"], came["ended"]) == (asked["act"], "applied", 3)
    assert scene.acts.verify(answer.act).outcome == "verified"
    (block,) = scene.acts.ledger.standing(NOW)
    assert (block.state, block.who, block.why, block.kept) == ("verified", "ada", "spam", True)


def test_the_journal_is_written_before_the_firewall_is_told(scene: Scene) -> None:
    seen: list[int] = []
    scene.firewall.before = lambda: seen.append(len(lines(scene)))
    scene.acts.block(Request((SPAMMER,)))
    assert seen == [1]


def test_who_is_protected_is_refused_and_that_is_journalled(scene: Scene) -> None:
    answer = scene.acts.block(Request(nets("198.51.100.1"), sure=True, keep=True))
    assert (answer.outcome, answer.networks) == ("refused", ())
    assert [finding.kind for finding in answer.findings] == ["ssh"]
    assert not scene.firewall.changes
    (line,) = lines(scene)
    assert line["type"] == "refused" and line["networks"] == ["198.51.100.1/32"]
    assert line["findings"] == ["198.51.100.1 is the client of this SSH session"]


def test_of_many_the_protected_are_left_out(scene: Scene) -> None:
    answer = scene.acts.block(Request(nets("203.0.113.7", "198.51.100.1", "203.0.113.8", "203.0.113.7")))
    assert answer.outcome == "applied" and answer.networks == (SPAMMER, OTHER)
    assert [finding.kind for finding in answer.findings] == ["ssh"]
    assert scene.blocked() == ["203.0.113.7/32", "203.0.113.8/32"]
    assert len(scene.firewall.changes) == 1


def risky(sure: bool = False, keep: bool = False) -> Request:
    says = "203.0.113.7: 31 messages accepted in the last 4 h"
    return Request((SPAMMER,), findings=(Finding(SPAMMER, "good mail", says),), sure=sure, keep=keep)


def test_what_is_risky_is_asked_about_first(scene: Scene) -> None:
    answer = scene.acts.block(risky())
    assert answer.outcome == "asks" and answer.networks == (SPAMMER,) and not scene.firewall.changes
    assert lines(scene) == []


def test_a_risky_block_ends_by_itself_unless_it_is_kept(scene: Scene) -> None:
    answer = scene.acts.block(risky(sure=True))
    assert answer.outcome == "applied" and answer.probation
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + PROBATION
    scene.clock.now += 20
    (block,) = scene.acts.ledger.standing(scene.clock.now)
    assert not block.kept and block.asked == DEFAULT_TIME
    kept = scene.acts.block(risky(sure=True, keep=True))
    assert kept.outcome == "applied" and not kept.probation
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + 20 + DEFAULT_TIME
    (block,) = scene.acts.ledger.standing(scene.clock.now)
    assert block.kept and block.since == NOW


def test_what_is_blocked_for_good_is_not_put_on_probation(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=86_400.0, usual=False))
    assert scene.acts.block(risky()).outcome == "applied"  # that it is to be blocked is no question any more
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + 86_400
    both = Request((SPAMMER, OTHER), findings=(Finding(OTHER, "good mail", "31 messages"),), sure=True)
    scene.acts.block(both)
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + 86_400
    assert scene.firewall.held[OTHER, "smtp"][0] == NOW + PROBATION
    assert {str(block.network): block.kept for block in scene.acts.ledger.standing(NOW)} == {
        "203.0.113.7/32": True, "203.0.113.8/32": False,
    }  # fmt: skip
    scene.clock.now += PROBATION + 1
    assert [block.network for block in scene.acts.ledger.standing(scene.clock.now)] == [SPAMMER]


def test_the_findings_of_what_is_done_are_journalled(scene: Scene) -> None:
    scene.acts.block(risky(sure=True))
    assert lines(scene)[0]["findings"] == ["203.0.113.7: 31 messages accepted in the last 4 h"]
    assert lines(scene)[0]["probation"] == PROBATION


def test_a_repeat_offender_is_blocked_four_times_as_long(scene: Scene) -> None:
    times = []
    for _ in range(8):
        answer = scene.acts.block(Request((SPAMMER,)))
        times.append(answer.seconds[0])
        scene.clock.now = (answer.until or scene.clock.now) + 60
    assert times == [HOUR, 4 * HOUR, 16 * HOUR, 64 * HOUR, 256 * HOUR, None, None, None]
    assert 256 * HOUR * 4 > LONGEST


def test_who_behaves_for_a_week_begins_anew(scene: Scene) -> None:
    until = scene.acts.block(Request((SPAMMER,))).until
    assert until is not None
    scene.clock.now = until + ESCALATES_WITHIN + 1
    assert scene.acts.block(Request((SPAMMER,))).seconds == (DEFAULT_TIME,)


def test_a_block_that_was_a_mistake_makes_no_repeat_offender(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    scene.acts.unblock([SPAMMER])
    assert scene.acts.block(Request((SPAMMER,))).seconds == (DEFAULT_TIME,)


def test_a_block_that_was_not_kept_makes_none_either(scene: Scene) -> None:
    scene.acts.block(risky(sure=True))
    scene.clock.now += PROBATION + 1
    assert scene.acts.block(Request((SPAMMER,))).seconds == (DEFAULT_TIME,)


def test_blocked_again_while_it_lasts_is_as_long_from_now(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=600.0, usual=False))
    scene.clock.now += 300
    answer = scene.acts.block(Request((SPAMMER,)))
    assert answer.seconds == (DEFAULT_TIME,) and answer.until == NOW + 300 + DEFAULT_TIME
    assert scene.firewall.changes[-1].add[0].there


@pytest.mark.parametrize("seconds", [600.0, 86_400.0, None])
def test_for_as_long_as_is_said(scene: Scene, seconds: float | None) -> None:
    answer = scene.acts.block(Request((SPAMMER,), seconds=seconds, usual=False))
    assert answer.until == (None if seconds is None else NOW + seconds)


def test_all_ports_and_back(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    scene.acts.block(Request((SPAMMER,), "all"))
    assert list(scene.firewall.held) == [(SPAMMER, "all")]
    scene.acts.block(Request((SPAMMER,), "smtp"))
    assert list(scene.firewall.held) == [(SPAMMER, "all")]  # ports are not taken from it unasked
    scene.acts.block(Request((SPAMMER,), "smtp", exact=True))
    assert list(scene.firewall.held) == [(SPAMMER, "smtp")]


def test_a_firewall_that_fails_leaves_nothing(scene: Scene) -> None:
    scene.firewall.fail = "fake: permission denied"
    answer = scene.acts.block(Request((SPAMMER,)))
    assert (answer.outcome, answer.reason, answer.networks) == ("failed", "fake: permission denied", ())
    assert lines(scene)[-1]["state"] == "failed" and not list(scene.acts.ledger.standing(NOW))
    scene.firewall.fail = ""
    assert scene.acts.block(Request((SPAMMER,))).seconds == (DEFAULT_TIME,)


def test_a_time_that_could_not_be_set_anew_is_as_it_was(scene: Scene) -> None:
    first = scene.acts.block(Request((SPAMMER,), why="first"))
    scene.firewall.fail = "fake: no"
    assert scene.acts.block(Request((SPAMMER,), "all", why="second")).outcome == "failed"
    (block,) = scene.acts.ledger.standing(NOW)
    assert (block.act, block.why, block.scope, block.state) == (first.act, "first", "smtp", "applied")


def test_a_tool_that_hung_but_did_it(scene: Scene) -> None:
    scene.firewall.hangs = True
    assert scene.acts.block(Request((SPAMMER,))).outcome == "applied"


def test_a_tool_that_hung_and_did_nothing(scene: Scene) -> None:
    scene.firewall.hangs = scene.firewall.deaf = True
    scene.firewall.deaf = True
    scene.firewall.apply = _hang  # type: ignore[method-assign]
    answer = scene.acts.block(Request((SPAMMER,)))
    assert answer.outcome == "failed" and answer.reason == "fake hangs"


def _hang(change: object) -> None:
    from smtpwatch.firewall.backend import BackendError

    raise BackendError("fake hangs", unsure=True)


def test_without_a_journal_nothing_is_blocked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene.acts.journal, "append", _full)
    with pytest.raises(JournalError, match="No space"):
        scene.acts.block(Request((SPAMMER,)))
    assert not scene.firewall.changes and not list(scene.acts.ledger.standing(NOW))


def _full(record: object) -> None:
    raise JournalError("the journal j cannot be written: No space left on device")


def test_a_disk_that_fills_up_in_between_takes_it_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.acts.block(Request((OTHER,), seconds=600.0, usual=False))
    scene.firewall.before = lambda: monkeypatch.setattr(scene.acts.journal, "append", _full)
    scene.clock.now += 100
    answer = scene.acts.block(Request((SPAMMER, OTHER), seconds=9000.0, usual=False))
    assert answer.outcome == "failed" and "No space" in answer.reason and "taken back" in answer.reason
    assert scene.blocked() == ["203.0.113.8/32"] and scene.firewall.held[OTHER, "smtp"][0] == NOW + 600
    assert [str(block.network) for block in scene.acts.ledger.standing(NOW + 100)] == ["203.0.113.8/32"]


def test_who_was_wrongly_blocked_does_not_wait_for_a_full_disk(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.acts.block(Request((SPAMMER,)))
    monkeypatch.setattr(scene.acts.journal, "append", _full)
    answer = scene.acts.unblock([SPAMMER])
    assert answer.outcome == "applied" and answer.networks == (SPAMMER,) and "No space" in answer.unwritten
    assert scene.blocked() == [] and not list(scene.acts.ledger.standing(NOW))


def test_only_what_is_blocked_is_let_in(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    answer = scene.acts.unblock([SPAMMER, OTHER, NETWORK])
    assert answer.networks == (SPAMMER,) and scene.blocked() == []
    again = scene.acts.unblock([SPAMMER])
    assert again.networks == () and len(scene.firewall.changes) == 2


def test_a_network_and_what_lies_in_it_are_two_blocks(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=None, usual=False))
    scene.acts.block(Request((NETWORK,)))
    scene.acts.unblock([NETWORK])
    assert scene.blocked() == ["203.0.113.7/32"]
    assert scene.acts.ledger.covering(SPAMMER, NOW) is not None and scene.acts.ledger.covering(OTHER, NOW) is None


def test_undo_of_a_block(scene: Scene) -> None:
    answer = scene.acts.block(Request((SPAMMER, OTHER)))
    undone = scene.acts.undo(answer.act)
    assert undone.outcome == "applied" and set(undone.networks) == {SPAMMER, OTHER} and scene.blocked() == []


def test_undo_of_a_longer_time_brings_back_the_shorter(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), seconds=600.0, usual=False, why="first"))
    answer = scene.acts.block(Request((SPAMMER, OTHER), "all", seconds=None, usual=False))
    scene.clock.now += 100
    scene.acts.undo(answer.act)
    assert scene.firewall.held == {(SPAMMER, "smtp"): (NOW + 600, scene.acts.ledger.blocks.get(SPAMMER).act)}  # type: ignore[union-attr]


def test_undo_brings_back_each_on_its_own_ports(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,), "smtp", seconds=600.0, usual=False))
    scene.acts.block(Request((OTHER,), "all", seconds=600.0, usual=False))
    answer = scene.acts.block(Request((SPAMMER, OTHER, NETWORK), "smtp", seconds=None, usual=False))
    scene.acts.undo(answer.act)
    assert {key: until for key, (until, _) in scene.firewall.held.items()} == {
        (SPAMMER, "smtp"): NOW + 600, (OTHER, "all"): NOW + 600,
    }  # fmt: skip


def test_undo_of_an_unblock(scene: Scene) -> None:
    scene.acts.block(Request((SPAMMER,)))
    answer = scene.acts.unblock([SPAMMER])
    scene.clock.now += 100
    scene.acts.undo(answer.act)
    assert scene.firewall.held[SPAMMER, "smtp"][0] == NOW + DEFAULT_TIME


def test_verify_looks_at_the_firewall_itself(scene: Scene) -> None:
    scene.firewall.deaf = True
    answer = scene.acts.block(Request((SPAMMER, OTHER)))
    looked = scene.acts.verify(answer.act)
    assert looked.outcome == "failed" and looked.reason == "2 of 2 networks are not in the firewall"
    assert lines(scene)[-1]["state"] == "failed"
    assert {block.state for block in scene.acts.ledger.standing(NOW)} == {"failed"}
    assert len(drift.look(scene.acts).gone) == 2 and not list(scene.acts.ledger.standing(NOW))


def test_verify_tells_what_is_wrong_with_the_rules(scene: Scene) -> None:
    answer = scene.acts.block(Request((SPAMMER,)))
    scene.firewall.trouble = "another rule stands before ours"
    assert scene.acts.verify(answer.act).reason == "another rule stands before ours"
    assert scene.acts.unblock([SPAMMER]).networks == (SPAMMER,)  # it is in the firewall, and can be taken out


def test_verify_ends_what_slipped_in_and_tells_what_cannot_be_ended(scene: Scene) -> None:
    answer = scene.acts.block(Request((SPAMMER,)))
    scene.sessions.live = {SPAMMER: 1}
    assert scene.acts.verify(answer.act).outcome == "verified" and not scene.sessions.live
    scene.sessions.live, scene.sessions.stubborn = {SPAMMER: 1}, True
    looked = scene.acts.verify(answer.act)
    assert looked.outcome == "failed" and looked.reason == "1 session cannot be ended"


def test_two_consoles_know_of_each_other(scene: Scene) -> None:
    other = scene.another("bob")
    scene.acts.block(Request((SPAMMER,)))
    other.block(Request((OTHER,)))
    scene.acts.follow()
    assert {block.who for block in scene.acts.ledger.standing(NOW)} == {"ada", "bob"}
    assert other.unblock([SPAMMER]).networks == (SPAMMER,)
    scene.acts.follow()
    assert scene.blocked() == ["203.0.113.8/32"]
    assert [block.network for block in scene.acts.ledger.standing(NOW)] == [OTHER]


def test_what_already_stands_is_told_to_the_firewall(scene: Scene) -> None:
    scene.acts.block(Request(nets("2001:db8::/64")))
    scene.another().block(Request((SPAMMER,)))
    assert {(each.version, each.length) for each in scene.firewall.changes[-1].standing} == {(6, 64)}


def test_ten_thousand_are_one_act(scene: Scene) -> None:
    many = tuple(nets(*(f"10.1.{at // 250}.{at % 250}" for at in range(10_000))))
    answer = scene.acts.block(Request(many))
    assert len(answer.networks) == 10_000 and len(scene.firewall.changes) == 1 and len(lines(scene)) == 2


def test_a_request_survives_as_json(scene: Scene) -> None:
    answer = scene.acts.block(risky())
    told = json.loads(msgspec.json.encode(answer, enc_hook=str))
    assert told["outcome"] == "asks" and told["networks"] == ["203.0.113.7/32"]
