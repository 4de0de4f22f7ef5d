"""What the traffic says against a block."""

from smtpwatch import events as ev
from smtpwatch.firewall.evidence import GOOD_HOURS, against, proxies
from smtpwatch.lookup.geo import Place
from tests.firewall.fakes import nets
from tests.state.doings import PROXY, A, B, Log, Wire, picture
from tests.state.joint import NOW


def client(number: int, address: str, start: float = NOW) -> Wire:
    return Wire(number, address, 40_000 + number, start)


def mail(number: int, address: str, time: float = NOW, count: int = 1) -> list[ev.Event]:
    wire = client(number, address, time)
    taken = [event for at in range(count) for event in wire.taken(time + at / 100, "a@example.net", "b@example.org")]
    return [wire.opened, *taken, wire.closed(time + 1)]


def told(networks: str, *events: list[ev.Event], now: float = NOW + 2, **how: object) -> list[tuple[str, str]]:
    made = picture(*events)
    found = against(made.activity, nets(*networks.split()), now, **how)  # type: ignore[arg-type]
    return [(finding.kind, finding.says) for finding in found]


def test_nothing_is_known_of_a_stranger() -> None:
    assert told("203.0.113.7") == []


def test_who_only_errs_has_no_good_mail() -> None:
    wire = client(1, A)
    assert told(f"{A} 203.0.113.0/24", [wire.opened, wire.refused(NOW), wire.closed(NOW + 1)]) == []


def test_good_mail_of_one_source() -> None:
    assert told(A, mail(1, A)) == [("good mail", f"{A}: 1 message accepted in the last 4 h")]
    assert told(A, mail(1, A, count=31)) == [("good mail", f"{A}: 31 messages accepted in the last 4 h")]
    assert told("203.0.113.8", mail(1, A)) == []


def test_good_mail_in_a_network_names_the_best_sender() -> None:
    events = [*mail(1, A), *mail(2, "203.0.113.80", count=5), *mail(3, B)]
    assert told("203.0.113.0/24", events) == [
        ("good mail", "2 sources in 203.0.113.0/24 have good mail: 203.0.113.80 (5 messages accepted in the last 4 h)")
    ]
    named = told("203.0.113.80/31", events, name=lambda address: "mail.partner.example")
    assert named == [
        (
            "good mail",
            "1 source in 203.0.113.80/31 has good mail: 203.0.113.80 mail.partner.example "
            "(5 messages accepted in the last 4 h)",
        )
    ]


def test_what_little_of_an_offender_is_taken_makes_it_no_good_sender() -> None:
    wire = client(2, A)
    refused = [wire.opened, *(wire.refused(NOW + at) for at in range(3)), wire.closed(NOW + 4)]
    assert told(A, mail(1, A, count=2), refused, now=NOW + 5) == []
    assert told(A, mail(1, A, count=3), refused, now=NOW + 5) != []


def test_ipv6_too() -> None:
    assert told("2001:db8:7::/64", mail(1, "2001:db8:7::25")) == [
        (
            "good mail",
            "1 source in 2001:db8:7::/64 has good mail: 2001:db8:7::25 (1 message accepted in the last 4 h)",
        )
    ]


def test_good_mail_of_long_ago_is_none() -> None:
    assert told(A, mail(1, A), now=NOW + GOOD_HOURS * 3600 - 1) != []
    assert told(A, mail(1, A), now=NOW + (GOOD_HOURS + 1) * 3600) == []


def test_who_comes_through_a_proxy_cannot_be_blocked_here() -> None:
    wire = client(1, PROXY)
    events = [wire.opened, wire.named(NOW, A), wire.refused(NOW), wire.closed(NOW + 1)]
    made = picture(events)
    (finding,) = against(made.activity, nets(A), NOW + 2)
    assert finding.kind == "via proxy" and finding.refuses
    assert finding.says.startswith(f"{A} comes through the proxy {PROXY}")
    (proxy,) = proxies(made.activity)
    assert (str(proxy.network), proxy.kind) == (f"{PROXY}/32", "proxy")


def test_big_providers_by_their_number() -> None:
    google = Place("US", 15169, "GOOGLE")
    for how in ({"locate": lambda address: google}, {}):
        made = picture(mail(1, A), place=lambda address: google)
        found = against(made.activity, nets("203.0.113.0/24"), NOW + 2, **how)  # type: ignore[arg-type]
        assert [finding.says for finding in found if finding.kind == "provider"] == [
            "203.0.113.0/24 is Google (Gmail, Workspace), AS15169: others' mail comes from there too"
        ]
    assert told(A, locate=lambda address: Place("DE", 64500, "EXAMPLE")) == []


def test_of_very_many_each_has_its_findings() -> None:
    many = [f"203.0.113.{at}" for at in range(1, 200)]
    found = told(" ".join(many), mail(1, A), mail(2, "203.0.113.80"), mail(3, B))
    assert [says.partition(":")[0] for _, says in found] == ["203.0.113.7", "203.0.113.80"]


def test_whose_own_users_log_in_is_told() -> None:
    wire = client(1, A)
    events = [wire.opened, *(wire.auth(NOW + at, "success") for at in range(2)), wire.closed(NOW + 3)]
    assert told(A, events) == [("logins", f"{A}: 1 login succeeded from there")]  # one a session
    guesses = [
        wire.opened,
        *(wire.auth(NOW + at) for at in range(3)),
        wire.auth(NOW + 4, "success"),
        wire.closed(NOW + 5),
    ]
    assert told(A, guesses, now=NOW + 6) == []


def test_whose_users_they_are_is_told_by_the_log() -> None:
    log = Log(77, A)
    events = [log.connected(NOW), *(log.tried(NOW + 1, "success", name) for name in ("bob", "eve", "ada", "joe"))]
    (found,) = told(A, [*events, log.gone(NOW + 2)], now=NOW + 60)
    assert found[1].startswith(f"{A}: 1 login succeeded from there (") and found[1].endswith(" and others)")
