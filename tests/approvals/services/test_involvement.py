"""Who has a part in a request is written when it is opened, and shown before anyone clicks."""

import pytest
from django.test import Client

from approvals.models import Involvement
from approvals.selectors.reviewing import blocked_sentence, duties_of, reviewers_of
from portal.identity.rules.roles import Role
from portal.identity.services.people import deactivate_person
from portal.ledger.events import SYSTEM
from registry.models import Agent
from tests.approvals.asking import opened
from tests.approvals.standing_in import account, one_person, rulebook
from tests.organisation import Organisation
from tests.registry.policies import said_by_organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def parts(number: int) -> set[tuple[str, str]]:
    rows = Involvement.objects.filter(request__number=number).select_related("person")
    return {(row.person.name, row.part) for row in rows}


def test_every_part_that_is_known(organisation: Organisation, agent: Agent, token: str) -> None:
    said_by_organisation(organisation.security, {"tiers": {"package.publish": "gated"}})
    deactivate_person(actor=SYSTEM, person=organisation.second_approver)
    request = opened(
        token,
        initiator="Member@example.test",
        prompt_author="outsider@example.test",
        co_authors=("second-approver@example.test", "nobody@elsewhere.test", "member@example.test", ""),
    )
    written = parts(request.number)
    assert written >= {
        ("Eli Member", "initiator"),
        ("Ivy Outsider", "prompt_author"),
        ("Ada Manager", "credential_holder"),
        ("Ada Manager", "policy_editor"),  # registered the agent today
        ("Dev Approver", "co_author"),  # a closed account is written too
        ("Eli Member", "co_author"),
        ("Fay Security", "policy_editor"),  # of the organisation's baseline
    }
    assert {name for name, _ in written} <= {duty.person.name for duty in duties_of(request)}
    eli = next(duty for duty in duties_of(request) if duty.person == organisation.member)
    assert eli.sentences == (
        "Eli Member started the work that asks for this.",
        "Eli Member wrote part of the change that this is about.",
    )


def test_nothing_is_asked_of_editors_where_the_rulebook_says_no_days(organisation: Organisation, token: str) -> None:
    rulebook(organisation, {"duties": {"policy_editor_days": 0}})
    assert "policy_editor" not in {part for _, part in parts(opened(token).number)}


def test_it_is_told_by_name_and_by_account_before_anyone_clicks(organisation: Organisation, token: str) -> None:
    twin = account(organisation, "twin@example.test", "Dev Twin", Role.APPROVER)
    one_person(organisation, twin, organisation.second_approver)
    request = opened(token, prompt_author="second-approver@example.test")
    told = {one.person.name: one.refusal.about for one in reviewers_of(request) if one.refusal}
    assert told == {
        "Dev Approver": "wrote the prompt that the agent works on",
        "Dev Twin": "is the same person as Dev Approver, who wrote the prompt that the agent works on",
    }
    client = Client()
    sign_in(client, organisation.approver)
    page = client.get(f"/approvals/{request.label}/").text
    assert "Dev Twin" in page
    assert "is the same person as Dev Approver" in page
    assert blocked_sentence(request) is None
