"""Exceptions and break-glass against hostile cases: R75 in all its parts.

An open gate is narrower than an approval in everything but the number of calls: named actions, a reason, two people,
an end, and somebody else who looks afterwards. Each part of the case is refused by the service and by the check.
"""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from approvals.jobs.debts import alert_debts
from approvals.models import ExceptionUse, GateException
from approvals.rules.authorize import Outcome
from approvals.rules.exceptions import ExceptionKind, ExceptionState
from approvals.selectors.exceptions import close_refusal
from approvals.services.exceptions import ask as ask_for
from approvals.services.exceptions import close, grant, refuse, revoke
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for
from portal.identity.services.accounts import link_accounts
from portal.identity.services.people import create_person, deactivate_person
from portal.identity.services.roles import assign_role, remove_role
from portal.identity.services.tokens import issue_token
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Finding, FindingKind
from registry.rules.kill import ScopeKind
from registry.services.credential import issue_credential, revoke_all
from registry.services.findings import close_finding
from registry.services.kill import agree_resume, order_kill
from tests.approvals.asking import MERGE, ask, entries
from tests.approvals.levels import baseline
from tests.organisation import PASSWORD, Organisation, credential_for
from tests.red_team.racing import Race
from tests.red_team.trials import raced
from tests.sign_in import sign_in

WHY = "The release is down and merging by hand takes too long."
FREE = "git status"
FORBIDDEN = "cat .env"
GLASS = ExceptionKind.BREAK_GLASS


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def asked(organisation: Organisation, agent: Agent, kind: ExceptionKind = GLASS, **more: Any) -> GateException:
    facts: dict[str, Any] = {
        "actions": ["pr.merge"],
        "minutes": 60,
        "reason": WHY,
        "actor": organisation.member,
        **more,
    }
    return ask_for(agent=agent, kind=kind, **facts)


def granted(organisation: Organisation, agent: Agent, kind: ExceptionKind = GLASS, **more: Any) -> GateException:
    exception = asked(organisation, agent, kind, **more)
    return grant(actor=organisation.security, exception=exception, reason="Agreed on the incident call.")


def set_back(exception: GateException, **by: int) -> GateException:
    """The exception as if it had been granted so much earlier: the check asks the database's clock."""
    gap = timedelta(**by)
    exception.refresh_from_db()
    assert exception.decided_at and exception.ends_at and exception.review_due_at
    exception.asked_at -= gap
    exception.decided_at -= gap
    exception.ends_at -= gap
    exception.review_due_at -= gap
    GateException.objects.filter(pk=exception.pk).update(
        asked_at=exception.asked_at,
        decided_at=exception.decided_at,
        ends_at=exception.ends_at,
        review_due_at=exception.review_due_at,
    )
    return exception


def not_closed(exception: GateException, person: Person, because: str) -> None:
    """Said before the click, refused by page, API and service; nothing has changed."""
    client = Client()
    sign_in(client, person)
    page = client.get(f"/approvals/{exception.label}/").content.decode()
    assert because in page
    assert f"/approvals/{exception.label}/close/" not in page
    note = {"note": "All was well, I say."}
    assert client.post(f"/approvals/{exception.label}/close/", note).status_code == 403
    _, bearer = issue_token(person=person, name="tests", days=7)
    answer = Client().post(
        f"/api/v1/exceptions/{exception.label}/close",
        note,
        content_type="application/json",
        headers={"authorization": f"Bearer {bearer}"},
    )
    assert answer.status_code == 403
    assert because in answer.json()["detail"]
    with pytest.raises(NotAllowed, match=because):
        close(actor=person, exception=exception, **note)
    exception.refresh_from_db()
    assert (exception.state, exception.closed_by) == (ExceptionState.GRANTED.value, None)


def outcome(token: str, command: str = MERGE, **around: Any) -> Outcome:
    return ask(token, command, **around).decision.outcome


@pytest.mark.django_db(transaction=True)
class TestUsed:
    def test_an_open_gate_lets_the_named_action_through_and_lists_every_use(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        exception = granted(organisation, agent)
        answers = [ask(token), ask(token, "gh pr merge 8 --squash")]
        assert [answer.decision.outcome for answer in answers] == [Outcome.ALLOW, Outcome.ALLOW]
        assert answers[0].decision.rules[0].id == f"exception.{exception.label}"
        uses = ExceptionUse.objects.filter(exception=exception)
        assert {use.entry_id for use in uses} == {answer.entry_id for answer in answers}
        entry = Entry.objects.get(pk=answers[0].entry_id)
        assert f"exception.{exception.label}" in entry.body["data"]["rules"]

    @pytest.mark.parametrize("part", ["initiator", "prompt_author", "co_authors"])
    def test_r41_who_granted_it_opens_nothing_for_work_of_their_own(
        self, organisation: Organisation, agent: Agent, token: str, part: str
    ) -> None:
        """Under whichever account: whoever started a call, wrote its prompt or its change approves none of it."""
        granted(organisation, agent)
        for address in (organisation.security.email, "security+other@example.test"):
            stated: dict[str, Any] = {part: (address,) if part == "co_authors" else address}
            assert outcome(token, **stated) is Outcome.REVIEW
        assert not ExceptionUse.objects.exists()
        somebody = organisation.approver.email
        of_others: dict[str, Any] = {part: (somebody,) if part == "co_authors" else somebody}
        assert outcome(token, **of_others) is Outcome.ALLOW

    def test_r41_a_second_account_of_who_granted_it_is_the_same_person(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        granted(organisation, agent)
        operator = actor_for(organisation.operator)
        link_accounts(actor=operator, first=organisation.security, second=organisation.approver, reason="Same badge.")
        assert outcome(token, initiator=organisation.approver.email) is Outcome.REVIEW
        assert outcome(token, initiator=organisation.member.email) is Outcome.ALLOW

    def test_it_opens_nothing_that_it_does_not_name(self, organisation: Organisation, agent: Agent, token: str) -> None:
        granted(organisation, agent)
        assert outcome(token, "gh pr create --title x --body y") is Outcome.REVIEW
        assert outcome(token, f"{MERGE} && gh pr create --title x --body y") is Outcome.REVIEW
        assert outcome(token, FORBIDDEN) is Outcome.DENY

    def test_it_opens_only_the_repository_it_names(self, organisation: Organisation, agent: Agent, token: str) -> None:
        granted(organisation, agent, repository="acme/billing")
        assert outcome(token) is Outcome.REVIEW

    def test_r75_no_address_in_the_call_leads_to_another_repository(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        granted(organisation, agent, repository="acme/payments")
        assert outcome(token) is Outcome.ALLOW
        assert outcome(token, "gh pr merge https://github.com/acme/billing/pull/7") is Outcome.REVIEW

    def test_before_it_is_granted_it_opens_nothing(self, organisation: Organisation, agent: Agent, token: str) -> None:
        asked(organisation, agent)
        assert outcome(token) is Outcome.REVIEW

    def test_a_stop_ends_it_for_good(self, organisation: Organisation, agent: Agent, token: str) -> None:
        granted(organisation, agent)
        order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
        assert outcome(token) is Outcome.DENY
        for person in (organisation.second_manager, organisation.security):
            agree_resume(actor=person, order=order, reason="It is safe again.")
        assert outcome(token) is Outcome.REVIEW

    def test_a_revoked_one_opens_nothing(self, organisation: Organisation, agent: Agent, token: str) -> None:
        exception = granted(organisation, agent)
        revoke(actor=organisation.member, exception=exception, reason="The release is up again.")
        assert outcome(token) is Outcome.REVIEW

    @pytest.mark.parametrize("how", ["right", "account"])
    def test_it_ends_with_the_right_of_whoever_granted_it(
        self, organisation: Organisation, agent: Agent, token: str, how: str
    ) -> None:
        exception = asked(organisation, agent)
        grant(actor=organisation.approver, exception=exception, reason="Agreed on the call.")
        assert outcome(token) is Outcome.ALLOW
        if how == "right":
            remove_role(actor=SYSTEM, person=organisation.approver, role=Role.APPROVER, team=organisation.payments)
        else:
            deactivate_person(actor=SYSTEM, person=organisation.approver)
        assert outcome(token) is Outcome.REVIEW


@pytest.mark.django_db(transaction=True)
class TestR75:
    @pytest.mark.parametrize("reason", ["", "   ", "now", "x" * 2001, "urgent\0 urgent"])
    def test_r75_without_a_reason_it_is_not_asked(self, organisation: Organisation, agent: Agent, reason: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            asked(organisation, agent, reason=reason)
        assert refused.value.errors[0]["pointer"] == "/reason"
        assert not GateException.objects.exists()

    def test_r75_without_a_reason_it_is_not_granted(self, organisation: Organisation, agent: Agent) -> None:
        exception = asked(organisation, agent)
        with pytest.raises(InvalidInput):
            grant(actor=organisation.security, exception=exception, reason=" ")
        exception.refresh_from_db()
        assert exception.state == ExceptionState.ASKED.value

    @pytest.mark.parametrize("who", ["approver", "security"])
    def test_r75_nobody_grants_what_they_asked_for(self, organisation: Organisation, agent: Agent, who: str) -> None:
        person: Person = getattr(organisation, who)
        exception = asked(organisation, agent, actor=person)
        with pytest.raises(NotAllowed):
            grant(actor=person, exception=exception, reason="I agree with myself.")
        with pytest.raises(IntegrityError), transaction.atomic():
            GateException.objects.filter(pk=exception.pk).update(state="granted", decided_by=person)

    def test_r75_nobody_grants_or_closes_what_they_own(self, organisation: Organisation, agent: Agent) -> None:
        exception = asked(organisation, agent, owner=organisation.approver)
        with pytest.raises(NotAllowed):
            grant(actor=organisation.approver, exception=exception, reason="I agree with myself.")
        grant(actor=organisation.security, exception=exception, reason="Agreed on the call.")
        for person in (organisation.member, organisation.approver):
            with pytest.raises(NotAllowed):
                close(actor=person, exception=exception, note="All was well, I say.")

    def test_r75_nobody_closes_what_they_granted(self, organisation: Organisation, agent: Agent) -> None:
        """By service, page and API, and under another account that turns out to be theirs."""
        exception = granted(organisation, agent)
        not_closed(exception, organisation.security, "You granted this")
        link_accounts(actor=SYSTEM, first=organisation.security, second=organisation.approver, reason="Same badge.")
        not_closed(exception, organisation.approver, "You granted this")
        close(actor=organisation.second_approver, exception=exception, note="It was not used at all.")

    @pytest.mark.parametrize("part", ["initiator", "prompt_author", "co_authors", "credential"])
    def test_r75_nobody_closes_what_let_their_own_calls_through(
        self, organisation: Organisation, agent: Agent, part: str
    ) -> None:
        """Whoever had a part in one of its calls does not say that it was well, under no account of theirs."""
        person = organisation.approver
        exception = granted(organisation, agent)
        stated: dict[str, Any] = {part: (person.email,) if part == "co_authors" else person.email}
        if part == "credential":
            person, stated = organisation.second_manager, {}
        _, token = issue_credential(actor=organisation.second_manager, agent=agent, name="ci", days=30)
        assert close_refusal(person, exception) is None  # nothing was let through yet
        assert outcome(token, "gh pr merge 8 --squash") is Outcome.ALLOW
        if part != "credential":
            assert close_refusal(person, exception) is None  # nor by a call of others
        assert outcome(token, **stated) is Outcome.ALLOW
        not_closed(exception, person, "You started a call that it let through")
        link_accounts(actor=SYSTEM, first=person, second=organisation.outsider, reason="Same badge.")
        assign_role(actor=SYSTEM, person=organisation.outsider, role=Role.SECURITY)
        with pytest.raises(NotAllowed, match="You started a call"):
            close(actor=organisation.outsider, exception=exception, note="All was well, I say.")
        close(actor=organisation.second_approver, exception=exception, note="Two merges, both are fine.")

    def test_r75_a_second_account_of_the_asker_is_the_asker(self, organisation: Organisation, agent: Agent) -> None:
        Person.objects.filter(pk=organisation.approver.pk).update(human=organisation.member.human)
        organisation.approver.refresh_from_db()
        exception = asked(organisation, agent)
        with pytest.raises(NotAllowed):
            grant(actor=organisation.approver, exception=exception, reason="I am somebody else.")
        grant(actor=organisation.security, exception=exception, reason="Agreed on the call.")
        with pytest.raises(NotAllowed):
            close(actor=organisation.approver, exception=exception, note="All was well, I say.")

    @pytest.mark.usefixtures("token")
    def test_r75_who_issued_a_live_credential_of_the_agent_grants_nothing(
        self, organisation: Organisation, agent: Agent
    ) -> None:
        exception = asked(organisation, agent, ExceptionKind.EXCEPTION)
        with pytest.raises(NotAllowed, match="You issued a credential"):
            grant(actor=organisation.manager, exception=exception, reason="Let my agent through.")
        Person.objects.filter(pk=organisation.second_manager.pk).update(human=organisation.manager.human)
        organisation.second_manager.refresh_from_db()
        with pytest.raises(NotAllowed, match="You issued a credential"):
            grant(actor=organisation.second_manager, exception=exception, reason="Let my agent through.")
        revoke_all(actor=organisation.manager, agent=agent)
        grant(actor=organisation.second_manager, exception=exception, reason="It has no credential of mine.")

    def test_r75_who_issues_the_credential_after_granting_has_opened_nothing(
        self, organisation: Organisation, agent: Agent
    ) -> None:
        exception = asked(organisation, agent, ExceptionKind.EXCEPTION)
        grant(actor=organisation.manager, exception=exception, reason="It has no credential of mine.")
        assert outcome(credential_for(organisation, agent)) is Outcome.REVIEW
        _, other = issue_credential(actor=organisation.second_manager, agent=agent, name="other", days=30)
        assert outcome(other) is Outcome.ALLOW

    @pytest.mark.parametrize("who", ["member", "manager", "auditor", "operator", "outsider"])
    def test_r75_break_glass_is_granted_by_approvers_and_security_alone(
        self, organisation: Organisation, agent: Agent, who: str
    ) -> None:
        exception = asked(organisation, agent, actor=organisation.second_approver)
        with pytest.raises(NotAllowed):
            grant(actor=getattr(organisation, who), exception=exception, reason="Let it through.")

    @pytest.mark.parametrize("wanted", ["asker", "owner"])
    def test_r75_who_turns_out_to_be_the_same_person_has_opened_nothing(
        self, organisation: Organisation, agent: Agent, token: str, wanted: str
    ) -> None:
        """Granted to oneself under two accounts that nobody had linked yet, as asker or as owner."""
        people: dict[str, Any] = {"actor": organisation.member, "owner": organisation.manager}
        if wanted == "owner":
            people = {"actor": organisation.manager, "owner": organisation.member}
        exception = asked(organisation, agent, **people)
        grant(actor=organisation.approver, exception=exception, reason="Agreed on the incident call.")
        assert outcome(token) is Outcome.ALLOW
        link_accounts(actor=SYSTEM, first=organisation.member, second=organisation.approver, reason="One passport.")
        assert outcome(token) is Outcome.REVIEW

    def test_r75_a_gate_is_opened_by_somebody_who_is_there(self, organisation: Organisation, agent: Agent) -> None:
        """Neither a token nor an old session opens what would take a fresh proof to approve once."""
        exception = asked(organisation, agent)
        _, bearer = issue_token(person=organisation.approver, name="script", days=7)
        said = {"reason": "Agreed on the incident call."}
        path = f"/api/v1/exceptions/{exception.label}/grant"
        headers = {"authorization": f"Bearer {bearer}"}
        answer = Client().post(path, said, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "step-up-required")
        old = Client()
        old.force_login(organisation.approver)
        page = old.post(f"/approvals/{exception.label}/grant/", said)
        assert page["Location"].startswith("/accounts/reauthenticate/")
        exception.refresh_from_db()
        assert exception.state == ExceptionState.ASKED.value

    def test_r75_it_is_not_extended_while_nobody_has_looked(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        waiting = asked(organisation, agent, actor=organisation.manager)
        first = granted(organisation, agent)
        for person in (organisation.member, organisation.second_approver):
            with pytest.raises(Conflict, match=first.label):
                asked(organisation, agent, actor=person)
        with pytest.raises(Conflict, match=first.label):
            grant(actor=organisation.security, exception=waiting, reason="It was asked before.")
        set_back(first, hours=2)
        with pytest.raises(Conflict, match=first.label):
            asked(organisation, agent)

    def test_r75_break_glass_for_one_person_twice_a_week_and_not_more(
        self, organisation: Organisation, agent: Agent
    ) -> None:
        for _ in range(2):
            close(
                actor=organisation.second_approver,
                exception=granted(organisation, agent),
                note="Two merges, both are fine.",
            )
        with pytest.raises(Conflict, match="within 7 days"):
            asked(organisation, agent)
        with pytest.raises(Conflict, match="within 7 days"):
            asked(organisation, agent, actor=organisation.approver, owner=organisation.member)

    @raced(50)
    def test_r75_grants_that_race_are_counted_all(self, organisation: Organisation, agent: Agent, race: Race) -> None:
        """One was granted this week and three wait: a second may be granted, and no third, whoever comes first."""
        people = (organisation.security, organisation.approver, organisation.second_approver)
        first = granted(organisation, agent)
        close(actor=organisation.second_approver, exception=first, note="It is fine.")
        waiting = [asked(organisation, agent, actions=[key]) for key in ("pr.merge", "pr.open", "push.protected")]
        for _ in race:
            results = race.at_once(
                [
                    partial(grant, actor=who, exception=one, reason="Agreed on the call.")
                    for one, who in zip(waiting, people, strict=True)
                ]
            )
            race.saw(next(who.name for who, one in zip(people, results, strict=True) if isinstance(one, GateException)))
            ours = [one for one in results if isinstance(one, GateException)]
            assert len(ours) == 1
            assert sum(isinstance(one, Conflict) for one in results) == 2
            closer = next(who for who in people if who.pk != ours[0].decided_by_id)
            close(actor=closer, exception=ours[0], note="It is fine.")
            # As before: one within the week, and one that waits for each gate.
            set_back(ours[0], days=8)
            waiting = [
                asked(organisation, agent, actions=one.actions) if one.pk == ours[0].pk else one for one in waiting
            ]

    @pytest.mark.parametrize("minutes", [0, -1, 241, 10**6])
    def test_r75_break_glass_has_an_end_within_hours(
        self, organisation: Organisation, agent: Agent, minutes: int
    ) -> None:
        with pytest.raises(InvalidInput):
            asked(organisation, agent, minutes=minutes)

    @pytest.mark.parametrize("actions", [["secret.read"], ["unknown"], ["pr.*"], ["*"], ["read"], [], ["nonsense"]])
    @pytest.mark.parametrize("kind", list(ExceptionKind))
    def test_r75_what_is_forbidden_unknown_or_a_pattern_cannot_be_named(
        self, organisation: Organisation, agent: Agent, kind: ExceptionKind, actions: list[str]
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            asked(organisation, agent, kind, actions=actions)
        assert refused.value.errors[0]["pointer"] == "/actions"

    def test_r75_what_is_forbidden_later_stays_forbidden_at_use(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        exception = granted(organisation, agent)
        GateException.objects.filter(pk=exception.pk).update(actions=["secret.read", "unknown"])
        assert outcome(token, FORBIDDEN) is Outcome.DENY
        assert outcome(token, "frobnicate --all") is not Outcome.ALLOW
        assert not ExceptionUse.objects.exists()

    def test_r75_what_cannot_be_undone_is_opened_for_hours_and_not_for_days(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        with pytest.raises(InvalidInput, match="cannot be undone"):
            asked(organisation, agent, ExceptionKind.EXCEPTION, actions=["push.force"], minutes=3 * 24 * 60)
        granted(organisation, agent, actions=["push.force"])
        assert outcome(token, "git push --force origin feature/tidy") is Outcome.ALLOW

    def test_r75_what_cannot_be_undone_any_more_is_opened_for_days_no_longer(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        release = {"label": "Release", "tier": "gated", "explain": "Out it goes.", "commands": ["acme-release"]}
        baseline(organisation, {"actions": {"acme.release": {**release, "reversibility": "hard_to_reverse"}}})
        granted(organisation, agent, ExceptionKind.EXCEPTION, actions=["acme.release", "pr.merge"])
        assert outcome(token, "acme-release now") is Outcome.ALLOW
        baseline(organisation, {"actions": {"acme.release": {**release, "reversibility": "irreversible"}}})
        assert outcome(token, "acme-release now") is Outcome.REVIEW
        assert outcome(token) is Outcome.ALLOW

    def test_r75_a_stop_of_one_repository_ends_there_what_names_none(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        granted(organisation, agent)
        assert outcome(token) is Outcome.ALLOW
        order = order_kill(
            actor=organisation.security,
            kind=ScopeKind.REPOSITORY,
            scope_id="acme/payments",
            reason="A key leaked there.",
        )
        for email in ("gia@example.test", "hal@example.test"):
            person = create_person(actor=SYSTEM, email=email, name=email, password=PASSWORD)
            assign_role(actor=SYSTEM, person=person, role=Role.SECURITY, team=None)
            agree_resume(actor=person, order=order, reason="It is safe again.")
        assert outcome(token) is Outcome.REVIEW

    def test_r75_after_its_end_it_opens_nothing(self, organisation: Organisation, agent: Agent, token: str) -> None:
        exception = granted(organisation, agent)
        assert outcome(token) is Outcome.ALLOW
        set_back(exception, minutes=60)
        assert outcome(token) is Outcome.REVIEW
        assert ExceptionUse.objects.count() == 1

    def test_r75_overdue_debt_demotes_the_agent_until_somebody_else_closes_it(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        exception = set_back(granted(organisation, agent), hours=24)
        free, gated = ask(token, FREE), ask(token)
        assert free.decision.outcome is Outcome.REVIEW
        assert free.decision.rules[0].id == "standing.debt"
        assert exception.label in free.decision.rules[0].text
        assert gated.decision.outcome is Outcome.DENY
        with pytest.raises(NotAllowed):
            close(actor=organisation.member, exception=exception, note="I looked at it myself.")
        close(actor=organisation.second_approver, exception=exception, note="One merge, it is fine.")
        assert outcome(token, FREE) is Outcome.ALLOW
        assert outcome(token) is Outcome.REVIEW

    def test_r75_an_overdue_review_is_a_finding_once_and_closes_with_the_exception(
        self, organisation: Organisation, agent: Agent
    ) -> None:
        exception = set_back(granted(organisation, agent), hours=24)
        assert [alert_debts(), alert_debts()] == [1, 0]
        assert entries("exception.overdue") == 1
        finding = Finding.objects.get(kind=FindingKind.EXCEPTION_OVERDUE.value)
        assert exception.label in finding.sentence
        for person in (organisation.manager, organisation.security):
            with pytest.raises(NotAllowed):
                close_finding(actor=person, finding=finding, reason="I do not want to see it.")
        close(actor=organisation.second_approver, exception=exception, note="One merge, it is fine.")
        finding.refresh_from_db()
        assert finding.closed_by == organisation.second_approver

    def test_r75_revoking_does_not_pay_the_debt(self, organisation: Organisation, agent: Agent, token: str) -> None:
        exception = granted(organisation, agent)
        revoke(actor=organisation.member, exception=exception, reason="It is not needed any more.")
        set_back(exception, hours=24)
        assert outcome(token, FREE) is Outcome.REVIEW

    def test_r75_overdue_debt_is_not_passed_by_another_exception(
        self, organisation: Organisation, agent: Agent, token: str
    ) -> None:
        exception = granted(organisation, agent, actions=["pr.open"])
        granted(organisation, agent, ExceptionKind.EXCEPTION, actor=organisation.approver, minutes=600)
        assert outcome(token) is Outcome.ALLOW
        set_back(exception, hours=24)
        assert outcome(token) is Outcome.DENY
        assert outcome(token, FREE) is Outcome.REVIEW

    def test_r75_who_owes_a_review_opens_no_other_gate(self, organisation: Organisation, agent: Agent) -> None:
        set_back(granted(organisation, agent), hours=24)
        with pytest.raises(Conflict, match="overdue"):
            asked(organisation, agent, actions=["pr.open"])
        with pytest.raises(Conflict, match="overdue"):
            asked(organisation, agent, actions=["pr.open"], actor=organisation.approver, owner=organisation.member)


@pytest.mark.django_db(transaction=True)
def test_a_refused_one_is_no_debt(organisation: Organisation, agent: Agent, token: str) -> None:
    exception = asked(organisation, agent)
    refuse(actor=organisation.approver, exception=exception, reason="Ask for each merge.")
    GateException.objects.filter(pk=exception.pk).update(decided_at=database_now() - timedelta(days=60))
    assert outcome(token, FREE) is Outcome.ALLOW
    with pytest.raises(InvalidTransition):
        grant(actor=organisation.security, exception=exception, reason="It was refused before.")
