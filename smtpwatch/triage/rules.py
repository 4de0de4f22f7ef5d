"""All rules there are, in the order in which README.md tells them."""

from smtpwatch.triage.brute_force import BruteForce
from smtpwatch.triage.rule import Rule

RULES: tuple[type[Rule], ...] = (BruteForce,)
