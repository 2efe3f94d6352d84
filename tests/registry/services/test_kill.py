"""The kill switch: one stops, two others resume, and the epoch only grows, also when people act at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from portal.errors import Conflict, InvalidInput, NotAllowed, PortalError
from portal.identity.models import Person
from registry.models import Agent, KillOrder, KillState, ResumeAgreement
from registry.rules.kill import ScopeKind
from registry.selectors.kills import resume_refusal, standing_of
from registry.selectors.stop_targets import everything, of_agent
from registry.selectors.stops import forecast
from registry.services import kill as service
from registry.services.kill import agree_resume, order_kill
from tests.organisation import Organisation
from tests.registry.ledgering import types


def _stop(person: Person, agent: Agent) -> KillOrder:
    return order_kill(actor=person, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="it misbehaves")


def test_one_person_stops(organisation: Organisation, agent: Agent) -> None:
    order = _stop(organisation.manager, agent)
    standing = standing_of(agent)
    assert (standing.epoch, standing.stopped_by) == (1, (f"agent:{agent.pk}",))
    assert (order.state, order.epoch, order.label) == ("active", 1, agent.name)
    assert types()[-1] == "registry.kill.ordered"


def test_stopping_twice_is_one_stop(organisation: Organisation, agent: Agent) -> None:
    first, second = _stop(organisation.manager, agent), _stop(organisation.security, agent)
    assert first.pk == second.pk
    assert standing_of(agent).epoch == 1
    assert types().count("registry.kill.ordered") == 1


def test_two_others_resume_and_the_epoch_grows_again(organisation: Organisation, agent: Agent) -> None:
    order = _stop(organisation.manager, agent)
    agree_resume(actor=organisation.second_manager, order=order, reason="seen")
    assert standing_of(agent).stopped_by
    ended = agree_resume(actor=organisation.security, order=order, reason="seen too")
    assert (ended.state, ended.resumed_at is not None) == ("resumed", True)
    assert (standing_of(agent).epoch, standing_of(agent).stopped_by) == (2, ())
    assert types()[-3:] == [
        "registry.kill.resume_agreed",
        "registry.kill.resume_agreed",
        "registry.kill.resumed",
    ]
    with pytest.raises(Conflict):
        agree_resume(actor=organisation.security, order=order, reason="again")
    assert _stop(organisation.manager, agent).number > order.number
    assert standing_of(agent).epoch == 3


def test_whoever_stopped_cannot_agree(organisation: Organisation, agent: Agent) -> None:
    order = _stop(organisation.manager, agent)
    assert resume_refusal(organisation.manager, order)
    with pytest.raises(NotAllowed):
        agree_resume(actor=organisation.manager, order=order, reason="I changed my mind")
    assert not ResumeAgreement.objects.exists()


def test_the_same_person_twice_is_one_person(organisation: Organisation, agent: Agent) -> None:
    order = _stop(organisation.manager, agent)
    agree_resume(actor=organisation.security, order=order, reason="seen")
    assert resume_refusal(organisation.security, order)
    with pytest.raises(NotAllowed):
        agree_resume(actor=organisation.security, order=order, reason="seen again")
    assert standing_of(agent).stopped_by


@pytest.mark.parametrize("who", ["member", "approver", "outsider", "auditor", "operator"])
def test_who_may_not_stop_may_not_resume(organisation: Organisation, agent: Agent, who: str) -> None:
    person = organisation.people[who]
    with pytest.raises(NotAllowed):
        _stop(person, agent)
    assert not KillState.objects.filter(stopped=True).exists()
    order = _stop(organisation.manager, agent)
    assert resume_refusal(person, order)
    with pytest.raises(NotAllowed):
        agree_resume(actor=person, order=order, reason="please")


@pytest.mark.parametrize("who", ["manager", "outsider", "operator", "auditor"])
def test_only_security_stops_everything(organisation: Organisation, who: str) -> None:
    with pytest.raises(NotAllowed):
        order_kill(actor=organisation.people[who], kind=ScopeKind.ALL, scope_id=None, reason="fire")


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001, "a\0b"])
def test_a_reason_is_needed(organisation: Organisation, agent: Agent, reason: str) -> None:
    with pytest.raises(InvalidInput):
        order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason=reason)
    order = _stop(organisation.manager, agent)
    with pytest.raises(InvalidInput):
        agree_resume(actor=organisation.security, order=order, reason=reason)


def test_a_wider_stop_raises_the_epoch_of_each_agent(organisation: Organisation, agent: Agent) -> None:
    before = standing_of(agent).epoch
    for kind, scope_id in (
        (ScopeKind.AGENT, agent.pk),
        (ScopeKind.TEAM, organisation.payments.pk),
        (ScopeKind.ALL, None),
    ):
        order_kill(actor=organisation.security, kind=kind, scope_id=scope_id, reason="a drill")
        assert standing_of(agent).epoch == before + 1
        before += 1


def test_no_entry_no_resume(organisation: Organisation, agent: Agent) -> None:
    """A stop stands without its entry (tests/red_team/test_kill.py); ending one does not."""
    order = _stop(organisation.manager, agent)
    with patch.object(service, "append", side_effect=OSError("disk")), pytest.raises(OSError, match="disk"):
        agree_resume(actor=organisation.security, order=order, reason="seen")
    assert not ResumeAgreement.objects.exists()
    assert standing_of(agent).stopped_by


def test_the_forecast_promises_only_what_it_can(organisation: Organisation, agent: Agent) -> None:
    unseen = forecast(of_agent(agent), person=organisation.manager)
    assert (unseen.worst.seconds, unseen.silent) == (None, 1)
    Agent.objects.filter(pk=agent.pk).update(last_seen_at=agent.registered_at)
    seen = forecast(of_agent(agent), person=organisation.manager)
    assert (seen.worst.seconds, seen.silent, seen.agents) == (10, 0, 1)
    assert {one.pk for one in seen.resumers} == {organisation.second_manager.pk, organisation.security.pk}
    # Only one other person could end a stop of everything: nobody, as there is one in security.
    assert not forecast(everything(), person=organisation.security).can_be_resumed


def test_the_command_line_stops_by_the_same_rules(
    organisation: Organisation, agent: Agent, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("kill", "agent", agent.slug, reason="from the console", by=organisation.security.email.upper())
    assert "is in force over Payments Refactorer, epoch 1" in capsys.readouterr().out
    assert standing_of(agent).stopped_by
    call_command("kill", "team", "payments", reason="wider", by=organisation.manager.email)
    call_command("kill", "all", reason="widest", by=organisation.security.email)
    assert standing_of(agent).epoch == 3


@pytest.mark.parametrize(
    ("words", "by"),
    [
        (["all", "payments"], "security"),
        (["agent"], "security"),
        (["agent", "nobody"], "security"),
        (["team", "nobody"], "security"),
        (["all"], "manager"),
        (["all"], "stranger"),
    ],
)
def test_the_command_line_refuses(organisation: Organisation, agent: Agent, words: list[str], by: str) -> None:
    with pytest.raises(CommandError, match="Nothing was stopped"):
        call_command("kill", *words, reason="no", by=f"{by}@example.test")
    assert not KillOrder.objects.exists()


def _at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that start together; an error is a result."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            gate.wait(60)
            return act()
        except PortalError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.django_db(transaction=True)
def test_people_who_stop_at_once_make_one_stop(organisation: Organisation, agent: Agent) -> None:
    people = [organisation.manager, organisation.second_manager, organisation.security]
    orders = _at_once(*(lambda person=person: _stop(person, agent) for person in people))
    assert len({order.pk for order in orders}) == 1
    assert standing_of(agent).epoch == 1
    assert types().count("registry.kill.ordered") == 1


@pytest.mark.django_db(transaction=True)
def test_one_person_agreeing_in_two_windows_counts_once(organisation: Organisation, agent: Agent) -> None:
    order = _stop(organisation.manager, agent)

    def agree() -> KillOrder:
        return agree_resume(actor=organisation.security, order=order, reason="seen")

    results = _at_once(agree, agree)
    assert sum(isinstance(result, NotAllowed) for result in results) == 1
    assert standing_of(agent).stopped_by


@pytest.mark.django_db(transaction=True)
def test_two_people_agreeing_at_once_resume_once(organisation: Organisation, agent: Agent) -> None:
    order = _stop(organisation.manager, agent)
    people = [organisation.second_manager, organisation.security]
    results = _at_once(
        *(lambda person=person: agree_resume(actor=person, order=order, reason="seen") for person in people)
    )
    assert sorted(result.state for result in results) == ["active", "resumed"]
    assert standing_of(agent).epoch == 2
    assert types().count("registry.kill.resumed") == 1
