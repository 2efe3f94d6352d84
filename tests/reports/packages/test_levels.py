"""A package carries what was decided above its agents, and the verifier holds it to the entries."""

import json
from datetime import timedelta

import pytest

from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.selectors.policies import ORGANISATION, Subject
from registry.services.policy import change_policy
from registry.services.recertification import cancel_campaign, open_campaign
from reports.rules.package import PackageScope
from reports.selectors.packages import package_path
from tests.organisation import Organisation
from tests.reports.packages.ledger import UNCLOSED_PROFILE, ask_for_package, built, members, verify

pytestmark = [pytest.mark.django_db(transaction=True), UNCLOSED_PROFILE]


def test_baselines_and_campaigns_are_in_a_teams_package(organisation: Organisation, agent: Agent) -> None:
    change_policy(
        actor=organisation.security, subject=ORGANISATION, document={"limits": {"lines": 300}}, based_on=0, reason="r"
    )
    for team, person in ((organisation.payments, organisation.manager), (organisation.platform, organisation.outsider)):
        change_policy(
            actor=person, subject=Subject.of_team(team), document={"limits": {"files": 9}}, based_on=0, reason="r"
        )
    campaign = open_campaign(
        actor=organisation.manager,
        team=organisation.payments,
        due_on=(database_now() + timedelta(days=9)).date(),
    )
    cancel_campaign(actor=organisation.security, campaign=campaign, reason="Opened by mistake.")
    package = built(ask_for_package(organisation.manager, PackageScope.TEAM, team=organisation.payments))
    files = members(package)
    names, entries = set(files), [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    assert {
        "policy/organisation-r1.json",
        f"policy/team-{organisation.payments.pk}-r1.json",
        f"policy/{agent.pk}-r1.json",
    } <= names
    assert not any(str(organisation.platform.pk) in name for name in names)
    types = [entry["type"] for entry in entries]
    assert types.count("registry.policy.revised") == 3
    assert {"registry.recertification.opened", "registry.recertification.closed"} <= set(types)
    result = verify(package_path(package))
    assert result.returncode == 0, result.stdout
    assert "3 match the entries, 0 named by no entry, 0 named but not included" in result.stdout
