"""What a grant rests on is asked in three ways, for a page, for a list and for the use: they agree, whatever moves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.models import ApprovalRequest, BranchHead, Delegation, Grant, Review
from approvals.rules.duties import Part
from approvals.rules.heads import repositories_in
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.redeeming import grant_with_scene
from approvals.selectors.requests import moved_since, standing_approved, standing_pending
from approvals.selectors.reviewing import Scene
from approvals.selectors.standing import Basis, Holder, caller_standing
from approvals.services.first_look import Branch, first_look
from approvals.services.involvement import add_part
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.tokens import digest
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, KillState
from tests.approvals.asking import counted, opened, review
from tests.approvals.levels import baseline, revised
from tests.approvals.rulebooks import group
from tests.approvals.standing_in import rulebook, with_stage
from tests.organisation import Organisation, active_agent, credential_for, policy_document

pytestmark = pytest.mark.django_db(transaction=True)
ON_A_BRANCH = {"head": "a" * 40, "branch": "refs/heads/feature/tidy"}
numbers = count(900, -1)
anything = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def policy(organisation: Organisation, request: ApprovalRequest) -> None:
    document = policy_document()
    document["limits"] = {"files": next(numbers)}
    revised(organisation, request.agent, document)


def organisations_policy(organisation: Organisation, _: ApprovalRequest) -> None:
    baseline(organisation, {"limits": {"files": next(numbers)}})


def teams_policy(organisation: Organisation, _: ApprovalRequest) -> None:
    baseline(organisation, {"limits": {"files": next(numbers)}}, organisation.payments)


def agent_is(**columns: str) -> Callable[[Organisation, ApprovalRequest], None]:
    def change(organisation: Organisation, request: ApprovalRequest) -> None:
        owner = {"owner_team": getattr(organisation, columns["team"])} if "team" in columns else columns
        Agent.objects.filter(pk=request.agent_id).update(**owner)

    return change


def stop(place: int) -> Callable[[Organisation, ApprovalRequest], None]:
    """A stop of one of the scopes over the request, or one that has nothing to do with it."""

    def change(_: Organisation, request: ApprovalRequest) -> None:
        scopes = [*request.kill_keys, "repository:acme/another"]
        row, _new = KillState.objects.get_or_create(key=scopes[place % len(scopes)])
        row.epoch, row.stopped = row.epoch + 1, True
        row.save()

    return change


def resume(_: Organisation, __: ApprovalRequest) -> None:
    KillState.objects.update(stopped=False)


def head(repository: str, branch: str, commit: str) -> Callable[[Organisation, ApprovalRequest], None]:
    def change(_: Organisation, __: ApprovalRequest) -> None:
        newest = {"commit": commit * 40, "at": database_now()}
        BranchHead.objects.update_or_create(repository=repository, branch=branch, defaults=newest)

    return change


def another_rulebook(organisation: Organisation, _: ApprovalRequest) -> None:
    rulebook(organisation, {"risk": {"high": 100 - next(numbers) % 20}})


changes = st.one_of(
    st.sampled_from([policy, organisations_policy, teams_policy, resume, another_rulebook]),
    st.sampled_from(["active", "suspended", "retired"]).map(lambda state: agent_is(state=state)),
    st.sampled_from(["payments", "platform"]).map(lambda team: agent_is(team=team)),
    st.integers(0, 7).map(stop),
    st.builds(
        head,
        st.sampled_from(["acme/payments", "acme/another"]),
        st.sampled_from(["feature/tidy", "main"]),
        st.sampled_from("abc"),
    ),
)


@pytest.fixture
def names() -> Iterator[str]:
    return (f"Mover {number}" for number in count())


def look(standing: Any, request: ApprovalRequest) -> bool:
    """Whether the statement that redeems would find the grant, for whoever asks as it was asked."""
    basis = Basis(request.organisation_revision_id, request.team_revision_id, request.revision_id)
    holder = Holder(request.agent_id, standing.team_id, basis)
    asker = replace(standing, holder=holder, kill_keys=tuple(request.kill_keys), epoch=request.epoch)
    on = Branch(repositories_in(request.kill_keys), "feature/tidy") if request.head else None
    with transaction.atomic(), connection.cursor() as cursor:
        found = first_look(
            standing=asker, bound=bytes(request.digest), run=request.run_id, on=on, with_grant=True, cursor=cursor
        )
    return found.grant is not None


@anything
@given(data=st.data(), steps=st.lists(changes, min_size=1, max_size=4), known=st.sampled_from(["", "a", "b"]))
def test_three_ways_of_asking_what_moved_agree(
    organisation: Organisation, names: Iterator[str], data: st.DataObject, steps: list[Any], known: str
) -> None:
    KillState.objects.update(stopped=False)
    BranchHead.objects.all().delete()
    agent = active_agent(organisation, next(names))
    token = credential_for(organisation, agent)
    if known:
        BranchHead.objects.create(repository="acme/payments", branch="feature/tidy", commit=known * 40)
    around = data.draw(st.sampled_from([{}, ON_A_BRANCH]))
    asked = review(opened(token, **around), organisation.approver)
    waiting = opened(token, "gh pr merge 8 --squash", **around)
    standing = caller_standing(digest(token))
    assert standing is not None
    for step in [None, *steps]:
        if step is not None:
            step(organisation, asked)
        for request in (asked, waiting):
            fresh = ApprovalRequest.objects.select_related("agent", "agent__revision", "revision").get(pk=request.pk)
            moved = moved_since(fresh)
            told = step, moved
            if request is asked:
                assert standing_approved().filter(pk=fresh.pk).exists() == (moved is None), told
                assert look(standing, fresh) == (moved is None), told
            else:
                pending = ApprovalRequest.objects.filter(standing_pending(database_now()), pk=fresh.pk)
                assert pending.exists() == (moved is None), told


def said(organisation: Organisation, data: st.DataObject, asked: ApprovalRequest) -> None:
    """A verdict, of whoever has no part in the request, in their own right or in somebody else's."""
    people = [organisation.approver, organisation.second_approver, organisation.security, organisation.auditor]
    person, giver = data.draw(st.sampled_from(people)), data.draw(st.sampled_from([None, None, *people]))
    involved = asked.involvements.filter(person__human=Person.objects.get(pk=person.pk).human)
    if person == giver or involved.exists():
        return
    if giver is not None and data.draw(st.booleans()):
        now = database_now()
        times = {"starts_at": now, "ends_at": now + timedelta(days=1), "made_at": now}
        Delegation.objects.create(giver=giver, receiver=person, made_by=giver, reason="On leave.", **times)
    human = Person.objects.get(pk=person.pk).human
    Review.objects.create(
        request=asked,
        person=person,
        on_behalf_of=giver,
        human=human,
        turn=Review.objects.filter(request=asked, human=human).count() + 1,
        verdict=data.draw(st.sampled_from([Verdict.APPROVE, Verdict.APPROVE, Verdict.RETRACT, Verdict.DENY])).value,
        stage=data.draw(st.sampled_from([0, 1])),
        capacity=data.draw(st.sampled_from(["team", "security", "group:leads"])),
        view_hash=bytes(asked.view_hash),
        authority={},
    )


def people_change(organisation: Organisation, data: st.DataObject, asked: ApprovalRequest) -> None:
    person = data.draw(st.sampled_from([organisation.approver, organisation.second_approver, organisation.security]))
    other = data.draw(st.sampled_from([organisation.outsider, organisation.auditor, organisation.manager]))
    match data.draw(st.sampled_from(["closed", "opened", "role", "linked", "part", "book", "since"])):
        case "closed" | "opened" as state:
            Person.objects.filter(pk=person.pk).update(is_active=state == "opened")
        case "role":
            RoleAssignment.objects.filter(person=person).delete()
        case "since":
            RoleAssignment.objects.filter(person=person).update(since=database_now())
        case "linked":
            Person.objects.filter(pk=other.pk).update(human=Person.objects.get(pk=person.pk).human)
        case "part":
            add_part(asked, other, Part.CO_AUTHOR)
        case "book":
            members = data.draw(st.lists(st.sampled_from([person, other]), min_size=1, unique=True))
            rulebook(organisation, {"groups": {"leads": group("Leads", *members)}})


@anything
@given(data=st.data(), steps=st.integers(1, 6))
def test_the_verdicts_of_a_grant_count_the_same_in_one_statement(
    organisation: Organisation, names: Iterator[str], data: st.DataObject, steps: int
) -> None:
    """What is read at once for whoever redeems, and bit by bit for a page."""
    rulebook(organisation, with_stage("leads", organisation.second_approver, organisation.security))
    token = credential_for(organisation, active_agent(organisation, next(names)))
    asked = opened(token)
    Grant.objects.create(
        request=asked,
        agent_id=asked.agent_id,
        digest=bytes(asked.digest),
        revision_id=asked.revision_id,
        epoch=asked.epoch,
        expires_at=database_now() + timedelta(minutes=5),
    )
    with transaction.atomic():
        for _ in range(steps):
            data.draw(st.sampled_from([said, said, people_change]))(organisation, data, asked)
            same(asked)
        transaction.set_rollback(True)  # so that accounts and roles are again as they were


def same(asked: ApprovalRequest) -> None:
    apart = Scene(ApprovalRequest.objects.get(pk=asked.pk), database_now())
    with connection.cursor() as cursor:
        _, at_once = grant_with_scene(Grant.objects.get(request=asked).pk, cursor)
    assert at_once.settled == apart.settled
    assert [fact for _, fact in at_once.standing] == counted(apart.request)
    assert at_once.ties == apart.ties
    assert at_once.team_id == apart.team_id
    assert [review.pk for review in at_once.reviews] == [review.pk for review in apart.reviews]
    held = {person: sorted(map(str, rights)) for person, rights in at_once.voters.over(apart.team_id).items()}
    assert held == {person: sorted(map(str, rights)) for person, rights in apart.voters.over(apart.team_id).items()}
    assert (at_once.settled.state is RequestState.APPROVED) == (apart.settled.state is RequestState.APPROVED)
