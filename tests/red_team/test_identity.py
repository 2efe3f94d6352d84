"""Who decides: no person decides their own, under no account, token, borrowed right or outgrown role (R01 to R18)."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, connection
from django.test import Client

from approvals.models import ApprovalRequest, Grant, Involvement, RefusedVerdict, Review
from approvals.rules.duties import Part
from approvals.rules.refused import rule_of
from approvals.rules.rulebook import Book
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.mine import mine
from approvals.selectors.requests import visible_requests
from approvals.selectors.reviewing import (
    blocked_sentence,
    capacities,
    duties_of,
    refusal,
    scene_of,
)
from approvals.services.delegation import end_delegation
from approvals.services.edit import edit
from approvals.services.review import add_review
from portal.errors import NotAllowed, PortalError
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.identity.services.people import create_person, deactivate_person, remove_member
from portal.identity.services.roles import assign_role, remove_role
from portal.identity.services.tokens import issue_token
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from registry.models import Agent
from registry.rules.policy import PolicyError
from registry.services.policy import tighten_policy
from tests.approvals.asking import ask, counted, entries, opened, withdrawn
from tests.approvals.standing_in import account, away, one_person, rulebook, with_stage
from tests.matrix import full_paths
from tests.organisation import Organisation, active_agent, credential_for, policy_document
from tests.red_team.racing import Race
from tests.red_team.trials import raced
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

REASON = "I have read all of it."


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


@pytest.fixture
def pair_token(organisation: Organisation) -> str:
    """Of an agent whose gated actions need two approvals."""
    policy = policy_document()
    policy["approval"]["quorum"] = 2
    return credential_for(organisation, active_agent(organisation, "Careful Refactorer", policy))


def say(
    request: ApprovalRequest, person: Person, *, giver: Person | None = None, verdict: Verdict = Verdict.APPROVE
) -> ApprovalRequest:
    return add_review(
        actor=person,
        request=request,
        verdict=verdict,
        reason=REASON,
        view_hash=bytes(request.view_hash),
        on_behalf_of=giver,
    )


def by_page(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    sign_in(client, person)
    return client


def by_token(person: Person) -> Client:
    _, text = issue_token(person=person, name="attack", days=7)
    return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)


def post_form(client: Client, request: ApprovalRequest, giver: Person | None = None, **more: str) -> Any:
    form = {"verdict": "approve", "reason": REASON, "view_hash": bytes(request.view_hash).hex(), **more}
    return client.post(f"/approvals/{request.label}/review/", {**form, "on_behalf_of": str(giver.pk) if giver else ""})


def post_json(client: Client, request: ApprovalRequest, giver: Person | None = None, **more: Any) -> Any:
    body = {"verdict": "approve", "reason": REASON, "view_hash": bytes(request.view_hash).hex(), **more}
    if giver is not None:
        body["on_behalf_of"] = str(giver.pk)
    path = f"/api/v1/requests/{request.label}/reviews"
    return client.post(path, json.dumps(body), content_type="application/json")


def state(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def refused(
    request: ApprovalRequest, person: Person, code: str, giver: Person | None = None, *, edges: int = 403
) -> None:
    """Told before the click, refused by the service, on the page and over the API; nothing has changed by it."""
    before = Review.objects.filter(request=request).count()
    told = refusal(request, person, authority_of(person), giver)
    assert told is not None
    assert told.code == code, told
    assert not ApprovalRequest.objects.filter(mine(person), pk=request.pk).exists() or giver is not None
    with pytest.raises(NotAllowed):
        say(request, person, giver=giver)
    assert post_form(by_page(person), request, giver).status_code == edges
    assert post_json(by_token(person), request, giver).status_code == edges
    assert Review.objects.filter(request=request).count() == before
    assert state(request) == RequestState.PENDING.value
    left = list(RefusedVerdict.objects.filter(request=request, person=person, rule=code))
    kept = Entry.objects.filter(type="approvals.verdict.refused", actor_id=str(person.pk))
    named = [entry.body["data"]["rule"] for entry in kept if entry.body["data"]["request"] == request.number]
    once = int(rule_of("not-allowed", code) is not None)  # however many tries
    assert (len(left), named.count(code)) == (once, once)


def test_r01_r02_whoever_started_the_work_approves_it_neither_on_the_page_nor_by_token(
    organisation: Organisation, token: str
) -> None:
    request = opened(token, initiator="Approver@example.test")
    refused(request, organisation.approver, "initiator")
    page = by_page(organisation.approver).get(f"/approvals/{request.label}/").text
    assert "You started the work" in page
    assert 'value="approve"' not in page


@pytest.mark.parametrize("part", list(Part))
def test_r01_every_part_bars_approving_and_the_database_holds_it(
    organisation: Organisation, token: str, part: Part
) -> None:
    """Whatever a service forgets: the trigger refuses the row, also in somebody else's name."""
    request, person = opened(token), organisation.approver
    Involvement.objects.create(request=request, person=person, part=part.value)
    told = refusal(request, person, authority_of(person))
    assert told is not None
    assert told.code == part.value.replace("_", "-")
    assert person in {duty.person for duty in duties_of(request)}
    for who, behalf in ((person, None), (organisation.second_approver, person)):
        with pytest.raises(IntegrityError, match="part in a request"):
            _force(request, who, behalf)
    _force(request, organisation.second_approver, None)  # nobody else is kept out
    _force(request, person, None, verdict="deny")  # and saying no is no harm


def _force(request: ApprovalRequest, person: Person, behalf: Person | None, verdict: str = "approve") -> None:
    """The row itself, as the application's role, past every service."""
    Review.objects.create(
        request=request,
        person=person,
        human=person.human,
        verdict=verdict,
        on_behalf_of=behalf,
        capacity="team",
        view_hash=b"",
        authority={},
    )


def test_r03_a_second_account_of_the_same_person(organisation: Organisation, token: str, pair_token: str) -> None:
    """By a tagged address at once, by an operator's word later, and for approvals given before it was known."""
    request = opened(token, initiator="approver@example.test")
    tagged = account(organisation, "approver+admin@example.test", "Cleo (admin)", Role.APPROVER)
    refused(request, tagged, "initiator")
    told = refusal(request, tagged, authority_of(tagged))
    assert told is not None
    assert "Cleo Approver" in told.sentence
    with pytest.raises(IntegrityError):
        _force(request, tagged, None)

    twin = account(organisation, "other@example.test", "Dev Twin", Role.APPROVER)
    pair = say(say(opened(pair_token), organisation.second_approver), twin)
    assert state(pair) == RequestState.APPROVED.value
    one_person(organisation, organisation.second_approver, twin)
    assert len({fact.human for fact in counted(pair)}) == 1
    assert not ask(pair_token).granted  # the second approval was no second person
    again = opened(pair_token, session_id="again")
    say(again, Person.objects.get(pk=twin.pk))
    with pytest.raises(PortalError):
        say(again, Person.objects.get(pk=organisation.second_approver.pk))
    assert state(again) == RequestState.PENDING.value


def test_r03_a_tagged_initiator_or_author_is_the_person(organisation: Organisation, token: str) -> None:
    """What is stated is matched by mailbox: ``approver+ci@`` is the approver."""
    request = opened(
        token,
        initiator="approver+ci@example.test",
        prompt_author="Second-Approver+x@example.test",
        co_authors=("security+git@example.test", "stranger@elsewhere.test"),
    )
    refused(request, organisation.approver, "initiator")
    for person, code in ((organisation.second_approver, "prompt-author"), (organisation.security, "co-author")):
        told = refusal(request, person, authority_of(person))
        assert told is not None
        assert told.code == code
    assert "The stage “Owner team” needs 1 person" in (blocked_sentence(request) or "")


def test_r04_an_agents_token_approves_nothing(organisation: Organisation, token: str) -> None:
    request = opened(token)
    client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)
    assert post_json(client, request).status_code == 401
    assert post_form(client, request).status_code == 302  # to the sign-in page
    for verb in ("undo", "comments", "edits", "withdraw"):
        path = f"/api/v1/requests/{request.label}/{verb}"
        assert client.post(path, "{}", content_type="application/json").status_code == 401
    assert not Review.objects.exists()


def test_r05_nobody_can_become_somebody_else(organisation: Organisation, token: str) -> None:
    """There is no "login as": no address, no session key, no header, no way of signing in that takes another's name."""
    suspicious = (
        "impersonat",
        "hijack",
        "login-as",
        "login_as",
        "loginas",
        "become",
        "sudo",
        "switch-user",
        "masquerad",
    )
    for name, path in full_paths().items():
        assert not any(word in f"{name} {path}".lower() for word in suspicious), name
    assert [
        backend for backend in settings.AUTHENTICATION_BACKENDS if "allauth" in backend or "guardian" in backend
    ] == settings.AUTHENTICATION_BACKENDS
    request, victim = opened(token, initiator="operator@example.test"), organisation.approver
    client = by_page(organisation.operator)
    session = client.session
    for key in ("_impersonate", "impersonate", "hijack_history", "is_hijacked_user", "su_user", "user_id", "sudo_user"):
        session[key] = str(victim.pk)
    session.save()
    headers = {"X-User": victim.email, "Remote-User": victim.email, "X-Impersonate": victim.email, "Sudo": victim.email}
    answer = client.post(
        f"/approvals/{request.label}/review/?su={victim.pk}&as={victim.pk}&_switch_user={victim.email}",
        {"verdict": "approve", "reason": REASON, "view_hash": bytes(request.view_hash).hex(), "actor": str(victim.pk)},
        headers=headers,
    )
    assert answer.status_code == 404  # an operator does not even see it
    session = client.session
    session["_auth_user_id"] = str(victim.pk)  # the session's own key, without the hash that goes with the person
    session.save()
    assert post_form(client, request).status_code == 302
    assert not Review.objects.exists()


def test_r06_one_person_in_two_groups_counts_once(organisation: Organisation, token: str, pair_token: str) -> None:
    assign_role(actor=SYSTEM, person=organisation.approver, role=Role.SECURITY)
    pair = say(opened(pair_token), organisation.approver)
    with pytest.raises(PortalError):
        say(pair, organisation.approver)
    assert state(pair) == RequestState.PENDING.value
    rulebook(organisation, with_stage("lawyers", organisation.approver, organisation.second_approver))
    staged = say(opened(token), organisation.approver)
    refused_again = refusal(staged, organisation.approver, authority_of(organisation.approver))
    assert refused_again is not None
    assert refused_again.code == "already-reviewed"
    assert state(staged) == RequestState.PENDING.value
    assert state(say(staged, organisation.second_approver)) == RequestState.APPROVED.value


def test_r06_two_groups_of_the_same_people_are_blocked_and_not_relaxed(organisation: Organisation, token: str) -> None:
    rulebook(organisation, with_stage("lawyers", organisation.security))
    for person in (organisation.approver, organisation.second_approver):
        remove_role(actor=SYSTEM, person=person, role=Role.APPROVER, team=organisation.payments)
    request = opened(token)
    assert scene_of(request).eligible == {
        "team": frozenset(),
        "security": frozenset({organisation.security.human}),
        "group:lawyers": frozenset({organisation.security.human}),
    }
    assert "2 different people" in (blocked_sentence(request) or "")
    say(request, organisation.security)
    assert state(request) == RequestState.PENDING.value


@raced(25)
def test_r07_the_same_person_on_the_page_and_by_token_at_once(
    organisation: Organisation, pair_token: str, rested: Callable[[], None], race: Race
) -> None:
    page, program = by_page(organisation.approver), by_token(organisation.approver)
    for trial in race:
        rested()
        request = opened(pair_token, session_id=f"race-{trial}")
        tries = [partial(post_form, page, request), partial(post_json, program, request)]
        answers = {getattr(answer, "status_code", answer) for answer in race.at_once(tries)}
        assert answers in ({201, 409}, {302, 409}), answers
        race.saw("by token" if 201 in answers else "on the page")
        assert Review.objects.filter(request=request).count() == 1
        assert state(request) == RequestState.PENDING.value
        withdrawn(request)


@raced()
def test_r07_one_person_with_many_tries_at_once_is_one_vote(
    organisation: Organisation, pair_token: str, rested: Callable[[], None], race: Race
) -> None:
    twin = account(organisation, "approver+two@example.test", "Cleo (two)", Role.APPROVER)
    for trial in race:
        rested()
        request = opened(pair_token, session_id=f"race-{trial}")
        people = (organisation.approver, twin, organisation.approver, twin)
        results = race.at_once([partial(say, request, person) for person in people])
        assert sum(isinstance(result, PortalError) for result in results) == 3
        assert len({fact.human for fact in counted(request)}) == 1
        given = Review.objects.select_related("person").get(request=request)
        race.saw(given.person.name)
        assert state(request) == RequestState.PENDING.value
        withdrawn(request)


def test_r08_editing_does_not_make_the_author_another(organisation: Organisation, token: str) -> None:
    """Whoever started it may not edit it either, nor approve what somebody else made of it."""
    request = opened(token, initiator="approver@example.test")
    edited = {"command": "gh pr merge 7 --squash --delete-branch", "description": "say what it does"}
    with pytest.raises(NotAllowed):
        edit(
            actor=organisation.approver,
            request=request,
            tool_input=edited,
            reason=REASON,
            view_hash=bytes(request.view_hash),
        )
    assert by_page(organisation.approver).get(f"/approvals/{request.label}/edit/").status_code == 403
    assert state(request) == RequestState.PENDING.value
    Involvement.objects.create(request=request, person=organisation.second_approver, part=Part.PAYLOAD_EDITOR.value)
    refused(request, organisation.second_approver, "payload-editor")
    refused(request, organisation.approver, "initiator")


def test_r08_an_editor_stays_one_when_another_edits_again(organisation: Organisation, token: str) -> None:
    """Two who edit by turns do not approve each other's work: what the first one wrote is still in it."""
    rulebook(organisation, {"duties": {"policy_editor_days": 14, "payload_editor_may_approve": False}})
    request = opened(token)
    for person, command in (
        (organisation.approver, "gh pr merge 7 --rebase"),
        (organisation.security, "gh pr merge 7"),
    ):
        request = edit(
            actor=person,
            request=request,
            tool_input={"command": command},
            reason=REASON,
            view_hash=bytes(request.view_hash),
        )
        assert request.state == RequestState.PENDING.value
    refused(request, organisation.approver, "payload-editor")
    refused(request, organisation.security, "payload-editor")
    say(request, organisation.second_approver)
    assert state(request) == RequestState.APPROVED.value


def test_r09_who_changed_the_policy_does_not_decide_under_it(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    assign_role(actor=SYSTEM, person=organisation.approver, role=Role.MANAGER, team=organisation.payments)
    document = policy_document()
    document["approval"]["grant_minutes"] = 5
    tighten_policy(actor=organisation.approver, agent=agent, document=document, based_on=1, reason="Narrower.")
    request = opened(token)
    refused(request, organisation.approver, "policy-editor")
    told = refusal(request, organisation.approver, authority_of(organisation.approver))
    assert told is not None
    assert "revision 2 of the agent" in told.sentence
    say(request, organisation.second_approver)
    assert ask(token).granted


def test_r09_the_days_are_the_rulebooks(
    organisation: Organisation, agent: Agent, token: str, super_connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    assign_role(actor=SYSTEM, person=organisation.manager, role=Role.APPROVER, team=organisation.payments)
    parts = Involvement.objects.filter(person=organisation.manager, part="policy_editor")
    assert parts.filter(request=opened(token, session_id="young")).exists()
    super_connection.execute("ALTER TABLE registry_policyrevision DISABLE TRIGGER USER")
    super_connection.execute("UPDATE registry_policyrevision SET created_at = created_at - interval '8 days'")
    super_connection.execute("ALTER TABLE registry_policyrevision ENABLE TRIGGER USER")
    assert not parts.filter(request=opened(token, session_id="old")).exists()
    rulebook(organisation, {"duties": {"policy_editor_days": 30}})
    assert parts.filter(request=opened(token, session_id="strict")).exists()


def test_r10_who_left_the_group_while_it_waited_does_not_count(organisation: Organisation, pair_token: str) -> None:
    pair = say(opened(pair_token), organisation.approver)
    remove_member(actor=SYSTEM, team=organisation.payments, person=organisation.approver)
    assert counted(pair) == []
    say(pair, organisation.second_approver)
    assert state(pair) == RequestState.PENDING.value
    # Coming back does not bring the verdict back: it was given with a right that ended.
    assign_role(actor=SYSTEM, person=organisation.approver, role=Role.APPROVER, team=organisation.payments)
    assert [fact.human for fact in counted(pair)] == [organisation.second_approver.human]


def test_r10_who_left_a_named_group_does_not_count(organisation: Organisation, token: str) -> None:
    rulebook(organisation, with_stage("lawyers", organisation.outsider, organisation.second_approver))
    request = say(say(opened(token), organisation.approver), organisation.outsider)
    assert state(request) == RequestState.APPROVED.value
    rulebook(organisation, with_stage("lawyers", organisation.second_approver))
    assert [fact.capacity for fact in counted(request)] == ["team"]
    assert not ask(token).granted


def test_r11_whoever_is_closed_between_verdict_and_use_does_not_count(organisation: Organisation, token: str) -> None:
    request = say(opened(token), organisation.approver)
    deactivate_person(actor=SYSTEM, person=organisation.approver)
    assert counted(request) == []
    assert not ask(token).granted
    assert not Grant.objects.filter(state="redeemed").exists()
    assert entries("grant.redeemed") == 0


def test_r12_there_is_no_group_in_a_group_and_everything_knows_the_same_members(
    organisation: Organisation, token: str
) -> None:
    for member in ("group:lawyers", "team", "security", str(organisation.payments.pk)[:-1], "", None, ["x"]):
        document = with_stage("lawyers", organisation.outsider)
        document["groups"]["lawyers"]["members"].append(member)
        with pytest.raises(PolicyError):
            Book.from_document(document)
    # The id of a team is no person either: nobody in that team is a member by it.
    document = with_stage("lawyers", organisation.outsider)
    document["groups"]["lawyers"]["members"].append(str(organisation.platform.pk))
    rulebook(organisation, document)
    request = say(opened(token), organisation.approver)
    lawyer = organisation.outsider
    others = [person for name, person in organisation.people.items() if name != "outsider"]
    assert scene_of(request).eligible["group:lawyers"] == frozenset({lawyer.human})
    assert visible_requests(lawyer).filter(pk=request.pk).filter(mine(lawyer)).exists()
    assert [one.group for one in capacities(request, lawyer)] == ["group:lawyers"]
    for person in others:
        assert not ApprovalRequest.objects.filter(mine(person), pk=request.pk).exists()
        assert capacities(request, person) == ()
    assert post_form(by_page(lawyer), request).status_code == 302
    assert state(request) == RequestState.APPROVED.value


def test_r13_a_group_of_the_same_name_elsewhere_gives_nothing(organisation: Organisation, token: str) -> None:
    """Another team's approver, and a group of the rulebook that is called like the team, or like the built-in ones."""
    assign_role(actor=SYSTEM, person=organisation.outsider, role=Role.APPROVER, team=organisation.platform)
    request = opened(token)
    refused(request, organisation.outsider, "not-approver", edges=404)
    rulebook(organisation, with_stage("payments", organisation.outsider))
    staged = opened(token, session_id="staged")
    assert capacities(staged, organisation.outsider) == ()  # the team's own stage is not theirs
    say(staged, organisation.approver)
    refused(staged, organisation.second_approver, "stage-decided")  # nor the group's that of the team's approvers
    for slug in ("team", "security"):
        named = rulebook(organisation, with_stage(slug, organisation.outsider))
        again = opened(token, session_id=f"named-{slug}-{named.number}")
        assert refusal(again, organisation.outsider, authority_of(organisation.outsider)) is not None


def test_r14_an_address_that_changes_hands_takes_no_verdict_with_it(
    organisation: Organisation, pair_token: str
) -> None:
    pair = say(opened(pair_token, initiator="second-approver@example.test"), organisation.approver)
    for person in (organisation.approver, organisation.second_approver):
        Person.objects.filter(pk=person.pk).update(email=f"former-{person.email}")
    heir = create_person(actor=SYSTEM, email="approver@example.test", name="Heir")
    assign_role(actor=SYSTEM, person=heir, role=Role.APPROVER, team=organisation.payments)
    assert heir.human != organisation.approver.human
    assert refusal(pair, heir, authority_of(heir)) is None  # another person, whose own verdict counts by itself
    refused_still = refusal(pair, organisation.second_approver, authority_of(organisation.second_approver))
    assert refused_still is not None
    assert refused_still.code == "initiator"
    deactivate_person(actor=SYSTEM, person=organisation.approver)
    assert counted(pair) == []  # and the heir has none of the former holder's
    say(pair, heir)
    assert state(pair) == RequestState.PENDING.value


@pytest.mark.parametrize(("who", "edges"), [("auditor", 403), ("operator", 404)])
def test_r15_r16_who_watches_or_administers_does_not_decide(
    organisation: Organisation, token: str, who: str, edges: int
) -> None:
    """Not as such, not as a superuser, and not with a right that somebody slips them past the service."""
    request, person = opened(token), organisation.people[who]
    refused(request, person, "not-approver", edges=edges)
    Person.objects.filter(pk=person.pk).update(is_superuser=True)
    person = Person.objects.get(pk=person.pk)
    refused(request, person, "not-approver", edges=edges)
    with pytest.raises(PortalError):
        away(organisation.approver, person)
    row = away(organisation.approver, organisation.member)
    type(row).objects.filter(pk=row.pk).update(receiver=person)
    assert capacities(request, person) == ()
    with pytest.raises(NotAllowed):
        say(request, person, giver=organisation.approver)
    assert not ApprovalRequest.objects.filter(mine(person), pk=request.pk).exists()


def test_r17_a_chain_of_delegations_ends_at_its_first_link(organisation: Organisation, token: str) -> None:
    """A lends to B and B to whoever asked: nothing of A's goes on, and nothing of B's counts for one's own."""
    request = opened(token, initiator="member@example.test")
    away(organisation.approver, organisation.second_manager)
    away(organisation.second_manager, organisation.member)
    away(organisation.approver, organisation.outsider)
    refused(request, organisation.member, "initiator", organisation.second_manager)
    refused(request, organisation.member, "not-delegated", organisation.approver)
    other = opened(token, session_id="anothers")
    refused(other, organisation.member, "not-delegated", organisation.approver)
    refused(other, organisation.member, "not-approver", organisation.second_manager)
    assert [one.on_behalf_of for one in capacities(other, organisation.second_manager)] == [organisation.approver]


def test_r17_whoever_asked_lends_nothing_and_chooses_nobody(organisation: Organisation, token: str) -> None:
    """Neither the right of who has a part, nor one that they arranged, nor one already used, counts beside another."""
    request = opened(token, initiator="approver@example.test")
    away(organisation.approver, organisation.member)
    refused(request, organisation.member, "initiator", organisation.approver)
    away(organisation.second_approver, organisation.member, by=organisation.manager)
    managers = opened(token, initiator="manager@example.test", session_id="managers")
    refused(managers, organisation.member, "initiator", organisation.second_approver)
    with pytest.raises(IntegrityError):
        _force(request, organisation.member, organisation.approver)


def test_r17_one_right_counts_once_whoever_uses_it(organisation: Organisation, pair_token: str) -> None:
    away(organisation.approver, organisation.member)
    away(organisation.approver, organisation.outsider)
    pair = say(opened(pair_token), organisation.member, giver=organisation.approver)
    refused(pair, organisation.outsider, "right-used", organisation.approver)
    say(pair, organisation.approver)  # whose right it is may say it themselves; the borrowed one then counts no more
    assert [fact.human for fact in counted(pair)] == [organisation.approver.human]
    assert state(pair) == RequestState.PENDING.value
    assert state(say(pair, organisation.second_approver)) == RequestState.APPROVED.value


@pytest.mark.parametrize("loss", ["role", "closed", "ended", "giver-votes", "linked", "receiver-closed"])
def test_r18_a_borrowed_right_ends_with_its_holders(organisation: Organisation, pair_token: str, loss: str) -> None:
    """Given on somebody's behalf, approved, and then the ground goes: the grant lets nothing through."""
    giver, receiver = organisation.approver, organisation.member
    row = away(giver, receiver)
    pair = say(say(opened(pair_token), organisation.second_approver), receiver, giver=giver)
    assert state(pair) == RequestState.APPROVED.value
    assert {fact.human for fact in counted(pair)} == {organisation.second_approver.human, receiver.human}
    if loss == "role":
        remove_role(actor=SYSTEM, person=giver, role=Role.APPROVER, team=organisation.payments)
        assign_role(actor=SYSTEM, person=giver, role=Role.APPROVER, team=organisation.payments)
    elif loss == "closed":
        deactivate_person(actor=SYSTEM, person=giver)
    elif loss == "ended":
        end_delegation(actor=receiver, delegation=row)
    elif loss == "giver-votes":
        _force(pair, giver, None, verdict="deny")
    elif loss == "linked":
        one_person(organisation, receiver, organisation.second_approver)
    else:
        deactivate_person(actor=SYSTEM, person=receiver)
    approving = [fact.human for fact in counted(pair) if fact.verdict is Verdict.APPROVE]
    assert len(set(approving)) == 1
    assert not ask(pair_token).granted
    assert entries("grant.redeemed") == 0


def test_r18_past_its_end_nothing_is_decided_with_it(organisation: Organisation, token: str) -> None:
    row = away(organisation.approver, organisation.member)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE approvals_delegation SET starts_at = starts_at - interval '1 day', ends_at = clock_timestamp() "
            "WHERE id = %s",
            [row.pk],
        )
    request = opened(token)
    refused(request, organisation.member, "not-delegated", organisation.approver)
