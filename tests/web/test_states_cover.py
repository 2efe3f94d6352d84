"""Every stored state of the floors above has its look: a new one fails here before a reader sees it grey."""

from enum import Enum

import pytest

from approvals.rules import workflow
from approvals.rules.notices import DeliveryState
from portal.web import states
from registry.models import CampaignState
from registry.rules.kill import OrderState, StopStatus
from registry.rules.lifecycle import AgentState, Criticality
from registry.rules.recertification import Standing
from registry.rules.tiers import Tier


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("tier", Tier),
        ("agent", AgentState),
        ("criticality", Criticality),
        ("request", workflow.RequestState),
        ("grant", workflow.GrantState),
        ("kill", OrderState),
        ("kill", StopStatus),
        ("campaign", CampaignState),
        ("delivery", DeliveryState),
        ("review", Standing),
    ],
)
def test_each_value_is_known(kind: str, values: type[Enum]) -> None:
    for value in values:
        assert value.value in states.LOOKS[kind]
        assert states.look(kind, value) is states.LOOKS[kind][value.value]
