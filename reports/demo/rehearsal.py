"""The demonstration's drills: the canary passed one, and one on a real agent waits for consent."""

from datetime import timedelta

from approvals.jobs.drill import InProcess
from registry.models import Agent
from registry.services.canary import close_point, create_canary, open_point
from registry.services.drill import finish_drill, plan_drill, start_drill
from reports.demo.organisation import Organisation
from reports.demo.stage import Happening


def make_canary(organisation: Organisation) -> Agent:
    people = organisation.people
    return create_canary(actor=people["ingrid"], team=organisation.platform, accountable_person=people["tomas"])


def drill_canary(canary: Agent) -> Happening:
    """The schedule stops the canary, whose own point is refused, is told, and lets its lease go."""
    drill = plan_drill(actor=None, agent=canary)
    yield timedelta(seconds=2)
    point = InProcess(open_point(drill=drill), f"drill-{drill.number}")
    point.hold()
    point.check()
    start_drill(drill_id=drill.pk)
    yield timedelta(milliseconds=480)
    point.check()
    yield timedelta(milliseconds=1530)
    point.hold()
    point.release()
    yield timedelta(milliseconds=30)
    finish_drill(drill_id=drill.pk, way=point.way)
    close_point(drill=drill)


def ask_for_drill(organisation: Organisation, helper: Agent) -> Happening:
    """Tomás would like to know how fast the helper stops; Lena, who answers for it, has not consented yet."""
    plan_drill(actor=organisation.people["tomas"], agent=helper)
    yield from ()
