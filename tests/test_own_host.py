"""Which lines are of this host."""

from smtpwatch.own_host import HOSTS, OwnHost


def test_by_its_name_with_or_without_its_domain() -> None:
    hosts = OwnHost("mx1.example.org")
    assert hosts.may_be("mx1") and hosts.may_be("MX1.example.org") and hosts.may_be("mx1.example.org")
    assert not hosts.may_be("mx2")
    assert hosts.sure


def test_one_name_that_is_not_ours_may_be_ours() -> None:
    hosts = OwnHost("localhost")
    assert hosts.may_be("mail") and hosts.sure


def test_of_several_names_none_is_sure_until_ours_is_among_them() -> None:
    hosts = OwnHost("mx1")
    assert hosts.may_be("mx2") and hosts.may_be("mx3") and not hosts.sure
    assert hosts.may_be("mx1") and hosts.sure
    assert not hosts.may_be("mx2")


def test_another_name_begins_anew() -> None:
    hosts = OwnHost()
    hosts.may_be("mx2")
    hosts.named("mx1")
    assert hosts.may_be("mx1") and not hosts.may_be("mx2")


def test_names_are_bounded() -> None:
    hosts = OwnHost("mx1")
    for n in range(3 * HOSTS):
        hosts.may_be(f"h{n}")
    assert len(hosts._seen) == HOSTS
    assert hosts.may_be("mx1") and not hosts.may_be(f"h{3 * HOSTS}")
