"""Canaries and drills for tests."""

from portal.identity.models import Person
from registry.models import Agent, Drill
from registry.services.canary import create_canary
from registry.services.drill import consent_to_drill, plan_drill, start_drill
from registry.services.lease import Lease, Point, hold_lease
from tests.organisation import Organisation


def make_canary(organisation: Organisation) -> Agent:
    return create_canary(
        actor=organisation.security, team=organisation.payments, accountable_person=organisation.manager
    )


def consented(organisation: Organisation, agent: Agent, *, by: Person | None = None) -> Drill:
    """A drill on a real agent that is ready to start."""
    drill = plan_drill(actor=by or organisation.second_manager, agent=agent)
    return consent_to_drill(actor=organisation.manager, drill=drill)


def running(organisation: Organisation, agent: Agent) -> Drill:
    drill = start_drill(drill_id=consented(organisation, agent).pk)
    assert drill is not None
    return drill


def lease(token: str, name: str = "wrapper", *, working: bool = False) -> Lease:
    return hold_lease(token=token, point=Point(name=name, kind="wrapper", working=working))
