"""All rules there are, in the order in which README.md tells them."""

from smtpwatch.triage.brute_force import BruteForce
from smtpwatch.triage.bypass import Bypass
from smtpwatch.triage.campaign import Campaign
from smtpwatch.triage.manners import EarlyTalker, Smuggling
from smtpwatch.triage.outbound import OutboundBurst
from smtpwatch.triage.own_trouble import Blind, LogSilent
from smtpwatch.triage.refusals import DomainRefused, Harvest
from smtpwatch.triage.relay import OpenRelay, RelayTries
from smtpwatch.triage.reputation import Listed, Reputation
from smtpwatch.triage.rise import RateRise
from smtpwatch.triage.rule import Rule
from smtpwatch.triage.secrecy import CertificateEnds, ClearLogin, OldTls, Stripped, TlsFailures
from smtpwatch.triage.slow import SlotHog
from smtpwatch.triage.takeover import Takeover
from smtpwatch.triage.waiting import Backscatter, QueueGrows

RULES: tuple[type[Rule], ...] = (
    OpenRelay, RelayTries, BruteForce, Takeover, OutboundBurst, Bypass, RateRise, Campaign, Harvest, DomainRefused,
    SlotHog, EarlyTalker, Smuggling, Stripped, ClearLogin, TlsFailures, OldTls, CertificateEnds, Listed, Reputation,
    QueueGrows, Backscatter, LogSilent, Blind,
)  # fmt: skip
