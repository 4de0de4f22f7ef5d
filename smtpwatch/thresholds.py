"""From where on the rules raise alerts, and what is done then: the table [alerts] of the settings."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=1, le=604_800)]
Times = Annotated[float, msgspec.Meta(ge=1.1, le=1_000)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Field names are the keys of the table. Rules are told in README.md, "Alerts"."""

    off: tuple[str, ...] = ()
    """Rules that raise nothing, by name."""
    on_alert: tuple[str, ...] = ()
    """A command and its arguments, run with each alert that is raised or becomes worse: the alert is on its standard
    input, as a line of JSON. No shell reads it."""
    on_alert_limit: Annotated[float, msgspec.Meta(gt=0, le=600)] = 10.0
    """Seconds that the command may take before it is ended."""
    on_alert_per_minute: Count = 10
    """How often in a minute the command is run at most; what is too much is told to the next run as `left_out`."""
    bell: bool = False
    """Ring the terminal's bell when an alert is raised or becomes critical."""
    quiet: Seconds = 600.0
    """Seconds without a new finding after which an alert is over."""
    window: Seconds = 600.0
    """Seconds that "fast" means in these rules: so many failed logins, denied relay tries and the like within them."""
    failed_logins: Count = 10
    """Failed logins of one source, one network or one account within the window."""
    failed_logins_a_day: Count = 20
    """Failed logins of one account within a day, from anywhere."""
    login_sources: Count = 5
    """Sources from which logins to one account fail within a day: the attack is distributed."""
    account_networks: Count = 5
    """Networks (/16, IPv6 /32) from which one account logs in within a day."""
    account_countries: Count = 3
    """Countries from which one account logs in within a day."""
    relay_tries: Count = 5
    """Relay tries of one source that were denied within the window."""
    unknown_users: Count = 10
    """Recipients that do not exist, which one source has tried within the window."""
    slow_sessions: Count = 10
    """Sessions of one source that are open at once and do nothing."""
    slow_after: Seconds = 60.0
    """Seconds without progress after which a session does nothing."""
    rude: Count = 5
    """Sessions of one source within the window that talk before their turn."""
    outbound: Count = 500
    """Recipients of one account, user or script within an hour, while no more is usual of it."""
    outbound_rise: Times = 5.0
    """Times its own busiest hour that an account, user or script sends to as many recipients in an hour."""
    rise: Times = 5.0
    """Times the rate of the hour before that a rate is when it is explained."""
    rise_least: Annotated[float, msgspec.Meta(ge=0.01, le=10_000)] = 1.0
    """A second, at least, for a rate to be explained."""
    domain_refusals: Count = 50
    """Refusals of mail for, or from, one domain within the window, while five times fewer are usual."""
    campaign: Count = 5
    """Sources that move together, at least, to be called a campaign."""
    tls_failures: Count = 20
    """Handshakes that fail within the window, from three sources at least, while five times fewer are usual."""
    old_tls_share: Share = 0.05
    """Of the sessions under TLS within the window, in TLS 1.1 or older."""
    certificate_days: Count = 14
    """Days before its end from which on a certificate is told of."""
    provider_refusals: Count = 10
    """Refusals by one provider within the window, of mail that we deliver."""
    queue_growth: Times = 3.0
    """Times its size of ten minutes before that a queue is."""
    queue_least: Count = 200
    """Messages in a queue, at least, to be told of its growth."""
    queue_age: Seconds = 14_400.0
    """Seconds that the oldest message not on hold may wait, in a queue that grows older."""
    backscatter: Share = 0.3
    """Of the messages received within the window, notices that bounces make for senders elsewhere."""
    silence: Seconds = 120.0
    """Seconds without a log line while the wire shows sessions."""
    unparsed_share: Share = 0.1
    """Of the lines or packets of a sensor within the window, not understood."""
