"""The pages of the record: nothing typed is lost, clashes are shown, and each act says first what it touches."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.identity.models import Person
from portal.identity.services.people import remove_member
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Finding, OwnershipTransfer
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from registry.services.profile import Profile, change_profile
from tests.organisation import Organisation, active_agent, credential_for, draft_agent, policy_document
from tests.registry.recording import PDF, attached, noticed, offered, suspended

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    client.force_login(organisation.manager)
    return client


def _as(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def _edited(agent: Agent, **changes: str) -> dict[str, str]:
    profile = Profile.of(agent)
    facts = {name: value for name, value in profile.edited.items() if name != "links"}
    return {**facts, "links": "", "based_on": profile.digest, "reason": "It moved on.", **changes}


def test_editing_keeps_what_was_typed_when_somebody_was_faster(
    manager: Client, organisation: Organisation, agent: Agent
) -> None:
    mine = _edited(agent, purpose="My purpose.", links="Runbook https://wiki.test/x\nhttps://wiki.test/y")
    change_profile(actor=organisation.second_manager, agent=agent, changes={"criticality": "high"}, reason="Audit.")
    late = manager.post(f"/agents/{agent.slug}/edit/", mine)
    assert late.status_code == 409
    said = late.content.decode()
    assert "My purpose." in said
    assert "Somebody changed it meanwhile" in said
    assert late.context["stands_now"]
    again = {**mine, "based_on": late.context["form"]["based_on"].value(), "criticality": "high"}
    assert manager.post(f"/agents/{agent.slug}/edit/", again).status_code == 302
    agent.refresh_from_db()
    assert (agent.purpose, agent.criticality) == ("My purpose.", "high")
    assert agent.links == [
        {"label": "Runbook", "url": "https://wiki.test/x"},
        {"label": "https://wiki.test/y", "url": "https://wiki.test/y"},
    ]
    shown = manager.get(f"/agents/{agent.slug}/").content.decode()
    assert 'href="https://wiki.test/x" rel="noopener noreferrer nofollow"' in shown
    # The form shows links as they were typed.
    assert (
        "Runbook https://wiki.test/x\nhttps://wiki.test/y"
        in manager.get(f"/agents/{agent.slug}/edit/").content.decode()
    )


def test_a_script_is_no_link(manager: Client, agent: Agent) -> None:
    answer = manager.post(f"/agents/{agent.slug}/edit/", _edited(agent, links="Click javascript:alert(1)"))
    assert answer.status_code == 400
    assert b"javascript:alert(1)" in answer.content
    assert b'href="javascript' not in answer.content


def test_people_are_changed_and_those_before_stay(manager: Client, organisation: Organisation, agent: Agent) -> None:
    path = f"/agents/{agent.slug}/people/"
    same = manager.post(
        path, {"accountable_person": organisation.member.pk, "deputy": organisation.member.pk, "reason": "why"}
    )
    assert same.status_code == 422
    done = manager.post(
        path, {"accountable_person": organisation.member.pk, "deputy": organisation.approver.pk, "reason": "Leave."}
    )
    assert done.status_code == 302
    page = manager.get(path).content.decode()
    assert "Ada Manager" in page
    assert "Cleo Approver" in page
    assert _as(organisation.approver).post(path, {"accountable_person": organisation.member.pk}).status_code in {
        403,
        422,
    }


@pytest.mark.parametrize("act", ["suspend", "retire"])
def test_an_act_counts_first_and_happens_on_post(
    manager: Client, organisation: Organisation, agent: Agent, act: str
) -> None:
    credential_for(organisation, agent)
    path = f"/agents/{agent.slug}/{act}/"
    asked = manager.get(path)
    assert b"1 credential" in asked.content
    agent.refresh_from_db()
    assert agent.state == "active"
    assert manager.post(path, {"reason": ""}).status_code == 422
    assert manager.post(path, {"reason": f"Because {EVIL}"}).status_code == 302
    agent.refresh_from_db()
    assert agent.state == {"suspend": "suspended", "retire": "retired"}[act]
    shown = manager.get(f"/agents/{agent.slug}/").content.decode()
    assert "Because &lt;script&gt;" in shown
    assert "<script>alert" not in shown
    assert ("Change policy</a>" in shown) is (act == "suspend")
    assert manager.post(path, {"reason": "again"}).status_code == 409


def test_what_stands_against_reinstating_is_said_before(manager: Client, organisation: Organisation) -> None:
    agent = active_agent(organisation, accountable_person=organisation.member)
    suspended(organisation, agent)
    remove_member(actor=SYSTEM, team=organisation.payments, person=organisation.member)
    path = f"/agents/{agent.slug}/reinstate/"
    page = manager.get(path).content
    assert b"Nobody answers for it" in page
    assert b"</textarea>" not in page
    assert manager.post(path, {"reason": "now"}).status_code == 409


def test_a_hand_over_from_offer_to_acceptance(manager: Client, organisation: Organisation, agent: Agent) -> None:
    credential_for(organisation, agent)
    made = manager.post(f"/agents/{agent.slug}/transfer/", {"to_team": "platform", "reason": "Yours now."})
    transfer = OwnershipTransfer.objects.get()
    path = f"/transfers/{transfer.pk}/"
    assert made["Location"] == path
    # A second offer leads to the one that is open.
    assert manager.get(f"/agents/{agent.slug}/transfer/")["Location"] == path
    receiver = _as(organisation.outsider)
    assert agent.name in receiver.get("/home/agents/").content.decode()
    seen = receiver.get(path).content.decode()
    assert "1 valid credential" in seen
    assert "is a Claude Code agent of team Payments" in seen
    assert receiver.post(path, {"answer": "nonsense"}).status_code == 400
    assert receiver.post(path, {"answer": "withdraw", "reason": "x"}).status_code == 403
    assert receiver.post(path, {"answer": "accept", "accountable_person": organisation.manager.pk}).status_code == 422
    taken = receiver.post(path, {"answer": "accept", "accountable_person": organisation.outsider.pk})
    assert taken["Location"] == f"/agents/{agent.slug}/"
    assert receiver.get(taken["Location"]).status_code == 200
    assert manager.get(f"/agents/{agent.slug}/").status_code == 404
    assert manager.get(path).status_code == 200


def test_an_offer_is_declined_with_a_reason(organisation: Organisation, agent: Agent) -> None:
    transfer = offered(organisation, agent)
    receiver = _as(organisation.outsider)
    path = f"/transfers/{transfer.pk}/"
    assert receiver.post(path, {"answer": "decline", "reason": ""}).status_code == 422
    assert receiver.post(path, {"answer": "decline", "reason": "No."}).status_code == 302
    assert b"Declined by Ivy Outsider" in receiver.get(path).content


def test_a_document_only_ever_comes_as_a_download(manager: Client, agent: Agent) -> None:
    path = f"/agents/{agent.slug}/documents/"
    page = f"<html>{EVIL}</html>".encode()
    file = SimpleUploadedFile("../evil\u202e.html", page, content_type="text/html")
    day = (database_now().date() + timedelta(days=10)).isoformat()
    added = manager.post(path, {"name": f"Rules {EVIL}", "kind": "policy", "file": file, "expires_on": day})
    assert added.status_code == 302
    listed = manager.get(path).content.decode()
    assert "<script>alert" not in listed
    assert "<strong>soon</strong>" in listed
    answer = manager.get(f"{path}{agent.documents.get().pk}/")
    assert answer.content == page
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="evil.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox")
    refused = manager.post(
        path, {"name": "Kept", "kind": "other", "file": SimpleUploadedFile("a.exe", b"MZ"), "expires_on": ""}
    )
    assert refused.status_code == 400
    assert b'value="Kept"' in refused.content


def test_a_document_of_another_agent_is_not_found(manager: Client, organisation: Organisation, agent: Agent) -> None:
    other = attached(organisation, active_agent(organisation, "Other"))
    assert manager.get(f"/agents/{agent.slug}/documents/{other.pk}/").status_code == 404


def test_findings_are_listed_filtered_and_closed(manager: Client, organisation: Organisation, agent: Agent) -> None:
    found = noticed(agent)
    assert b"It acted after stop 1." in manager.get("/findings/").content
    assert b"It acted after stop 1." in manager.get("/home/findings/").content
    assert b"It acted after stop 1." in manager.get(f"/agents/{agent.slug}/").content
    assert b"It acted after stop 1." in manager.get("/teams/payments/").content
    assert manager.get("/findings/?kind=team_empty").context["found"] == []
    assert manager.get("/findings/?kind=nonsense").status_code == 200
    path = f"/findings/{found.pk}/"
    assert manager.post(path, {"reason": " "}).status_code == 422
    assert _as(organisation.member).post(path, {"reason": "me"}).status_code == 403
    assert manager.post(path, {"reason": "A test."}).status_code == 302
    assert manager.post(path, {"reason": "again"}).status_code == 409
    assert manager.get("/findings/").context["found"] == []
    assert b"It acted after stop 1." in manager.get("/findings/?state=closed").content
    assert manager.get("/home/findings/").content == b""


def test_the_review_says_which_stop_stands_in_the_way(
    manager: Client, organisation: Organisation, agent: Agent
) -> None:
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="odd")
    draft = draft_agent(organisation, "Payments Helper")
    answer = manager.post(f"/agents/{draft.slug}/register/review/")
    assert answer.status_code == 409
    assert b"Payments Refactorer is stopped by stop" in answer.content
    assert Finding.objects.count() == 1


def test_registering_another_like_this(manager: Client, organisation: Organisation) -> None:
    pattern = active_agent(
        organisation,
        "Pattern",
        policy=policy_document(repositories=["acme/one", "acme/two"]),
        deputy=organisation.member,
        links=[{"label": "Runbook", "url": "https://wiki.test/x"}],
    )
    page = manager.get(f"/agents/register/?like={pattern.slug}")
    assert b"Runbook https://wiki.test/x" in page.content
    assert page.context["form"]["name"].value() == ""
    facts = {**Profile.of(pattern).edited, "links": "", "name": "Second", "team": "payments"}
    assert manager.post(f"/agents/register/?like={pattern.slug}", facts).status_code == 302
    second = Agent.objects.get(slug="second")
    assert (second.accountable_person, second.deputy) == (organisation.manager, organisation.member)
    assert second.draft["scope"]["repositories"] == ["acme/one", "acme/two"]
    assert manager.post("/agents/second/register/review/").status_code == 302
    # Nobody copies what they may not see.
    assert _as(organisation.outsider).get(f"/agents/register/?like={pattern.slug}").status_code == 404


def test_a_draft_is_discarded_in_two_clicks(manager: Client, organisation: Organisation) -> None:
    draft = draft_agent(organisation)
    assert manager.get(f"/agents/{draft.slug}/discard/").status_code == 200
    assert Agent.objects.count() == 1
    assert manager.post(f"/agents/{draft.slug}/discard/").status_code == 302
    assert not Agent.objects.exists()


def test_a_sheet_says_it_on_one_page(manager: Client, organisation: Organisation) -> None:
    agent = active_agent(organisation, deputy=organisation.member)
    page = manager.get(f"/agents/{agent.slug}/sheet/").content.decode()
    for said in ("is a Claude Code agent", "deputy Eli Member", "acme/payments", "Stops within", "Push", str(agent.pk)):
        assert said in page


def test_on_call_is_shown_where_it_is_needed(manager: Client, organisation: Organisation, agent: Agent) -> None:
    assert manager.post("/teams/payments/on-call/", {"on_call": "+49 30 1234"}).status_code == 302
    for path in (
        "/teams/payments/",
        f"/agents/{agent.slug}/",
        f"/agents/{agent.slug}/stop/",
        f"/agents/{agent.slug}/sheet/",
    ):
        assert b"+49 30 1234" in manager.get(path).content, path
    assert manager.post("/teams/payments/on-call/", {"on_call": "x" * 201}).status_code == 422


def test_lists_cost_the_same_for_one_and_for_fifty(
    manager: Client, organisation: Organisation, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(52):
        active_agent(organisation, f"Agent {number:02}", policy=policy_document(repositories=[f"acme/r{number}"]))
    for path in ("/agents/", "/teams/payments/", "/findings/", "/home/findings/", "/home/agents/"):
        with django_assert_max_num_queries(29, info=path):
            assert manager.get(path).status_code == 200


def test_texts_stay_texts(manager: Client, organisation: Organisation) -> None:
    agent = active_agent(organisation, f"Evil {EVIL}", purpose=EVIL, data_touched=EVIL)
    attached(organisation, agent, name=EVIL, file_name=f"{EVIL}.pdf", content=PDF)
    transfer = offered(organisation, agent)
    OwnershipTransfer.objects.update(reason=EVIL)
    Finding.objects.create(kind="other_composition", key="x", sentence=EVIL, agent=agent)
    slug = agent.slug
    for path in (
        f"/agents/{slug}/", f"/agents/{slug}/edit/", f"/agents/{slug}/people/", f"/agents/{slug}/suspend/",
        f"/agents/{slug}/retire/", f"/agents/{slug}/documents/", f"/agents/{slug}/sheet/", f"/transfers/{transfer.pk}/",
        "/findings/", f"/findings/{Finding.objects.get().pk}/", "/teams/payments/", "/home/findings/", "/home/agents/",
        f"/agents/register/?like={slug}",
    ):  # fmt: skip
        assert "<script>alert" not in manager.get(path).content.decode(), path
