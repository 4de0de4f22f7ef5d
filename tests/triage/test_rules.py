"""Each rule on its sample traffic: it finds what it is for, and lets pass what is nearly that."""

import pytest

from smtpwatch.triage.rules import RULES
from tests.triage.samples import SAMPLES, Sample
from tests.triage.told import alerts


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.rule}: {sample.what}")
def test_it_is_found(sample: Sample) -> None:
    told = {tuple(alert.subject): alert.says for alert in alerts(sample.found(), sample.rule)}
    assert sample.whom in told, told
    for words in sample.says:
        assert words in told[sample.whom]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.rule}: {sample.what}")
def test_what_is_nearly_that_is_let_pass(sample: Sample) -> None:
    assert [alert.says for alert in alerts(sample.passed(), sample.rule)] == []


def test_each_rule_has_its_sample() -> None:
    assert {rule.name for rule in RULES} == {sample.rule for sample in SAMPLES}
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.__doc__ for rule in RULES)
