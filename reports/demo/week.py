"""The demonstration's week, from the set-up of the organisation to the request that waits now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from approvals.jobs.strangers import notice
from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState
from approvals.services.request import end_if_overtaken
from portal.identity.models import Person
from portal.identity.services.sign_in import record_sign_in
from portal.ledger.services.follow import follow
from portal.ledger.signing import load_signer
from registry.models import KillOrder
from registry.rules.kill import ScopeKind
from registry.services.kill import agree_resume, order_kill
from reports.demo import away, gates, levels, looking_again, rehearsal, rulebook, stories_payments, stories_platform
from reports.demo.agents import DRAFT, REGISTERED, draft_of, register
from reports.demo.clock import wound_back
from reports.demo.notices import set_notices
from reports.demo.organisation import Organisation, make_organisation
from reports.demo.records import offer, put_on_record, revise_rules
from reports.demo.session import Cast, perform, proofs
from reports.demo.stage import Happening, Stage, finish
from reports.demo.stories_platform import AGREE_REASON, STOP_REASON
from reports.demo.timetable import WORKING_DAYS, starts, working_days
from reports.jobs.project_runs import CHECK, project

SEED = 2026
# What waits was asked a little before now, so that nothing of the demonstration lies in the reader's own time.
_ASKED_BEFORE = timedelta(minutes=70)
_STOP_AFTER = timedelta(minutes=29)


@dataclass(frozen=True)
class Week:
    """What was made: the organisation, and the agents by key."""

    organisation: Organisation
    cast: Cast


def make_week(*, now: datetime, password: str) -> Week:
    """Set the organisation up and let its week happen. The same ``now`` gives the same week."""
    random = Random(SEED)  # noqa: S311 (a timetable, not a secret)
    first, *days = working_days(now, WORKING_DAYS + 1)
    signer = load_signer("log")
    with wound_back(first + timedelta(hours=9)) as clock:
        organisation = make_organisation(password=password)
        stage = Stage(clock, signer)
        levels.set_levels(organisation)
        agents = {}
        for casting in REGISTERED:
            clock.set(clock.now + timedelta(minutes=random.randint(12, 40)))
            agents[casting.key] = register(organisation, casting)
        put_on_record(organisation, {key: one.agent for key, one in agents.items()}, today=now.date())
        set_notices(organisation)
        clock.set(clock.now + timedelta(hours=1))
        draft_of(organisation, DRAFT)
        cast = Cast(organisation.people, agents)
        _sign_ins(stage, cast, days, random)
        _payments(stage, cast, days, random)
        _platform(stage, cast, days, random)
        _governing(stage, organisation, cast, days, now)
        stage.add(now - _ASKED_BEFORE, perform(stage, cast, stories_payments.waiting(), random))
        stage.play(until=now)
    finish(signer)
    _catch_up()
    return Week(organisation, cast)


def _payments(stage: Stage, cast: Cast, days: list[datetime], random: Random) -> None:
    stories = stories_payments.of_the_week()
    for story, moment in zip(stories, starts(days, len(stories), random), strict=True):
        stage.add(moment, perform(stage, cast, story, random))


def _platform(stage: Stage, cast: Cast, days: list[datetime], random: Random) -> None:
    stories = stories_platform.of_the_week()
    for story, moment in zip(stories, starts(days, len(stories), random), strict=True):
        stage.add(moment, perform(stage, cast, story, random))
    began = days[-1] + timedelta(hours=15, minutes=5)
    stage.add(began, perform(stage, cast, stories_platform.runaway(), random))
    stage.add(began + _STOP_AFTER, _stop(cast))


def _governing(stage: Stage, organisation: Organisation, cast: Cast, days: list[datetime], now: datetime) -> None:
    """What people do beside the work of the agents: policies, drills, recertifications, papers, an offer."""
    agents = {key: playing.agent for key, playing in cast.agents.items()}
    canary, today = rehearsal.make_canary(organisation), now.date()
    last = days[-1]
    for moment, happening in (
        (days[2] + timedelta(hours=6), looking_again.finished(organisation, due_on=today + timedelta(days=5))),
        (days[3] + timedelta(hours=5, minutes=20), levels.own_action(organisation, stage)),
        (days[3] + timedelta(hours=16), gates.broken_glass(organisation, cast.agents["drafter"])),
        (last + timedelta(hours=7, minutes=50), gates.canaries(organisation)),
        (days[4] + timedelta(hours=6, minutes=30), rehearsal.drill_canary(canary)),
        (
            last + timedelta(hours=6, minutes=10),
            looking_again.under_way(organisation, due_on=today + timedelta(days=6)),
        ),
        (last + timedelta(hours=13), rehearsal.ask_for_drill(organisation, agents["helper"])),
        (last + timedelta(hours=14), offer(organisation, agents["companion"])),
        (days[0] + timedelta(hours=6), rulebook.agreed(organisation)),
        (last + timedelta(hours=15), rulebook.waiting(organisation)),
        (days[2] + timedelta(hours=7), away.ill(organisation, days[3] + timedelta(hours=8))),
        (last + timedelta(hours=14, minutes=20), away.leave(organisation, starts_at=now + timedelta(days=2))),
        (last + timedelta(hours=16, minutes=40), _strangers()),
        (last + timedelta(hours=17), revise_rules(organisation, agents["maintainer"])),
        (last + timedelta(hours=16, minutes=45), gates.planned(organisation, agents["helper"])),
        (now - timedelta(minutes=55), gates.asked_now(organisation, agents["maintainer"])),
        (now - timedelta(minutes=58), levels.wider_libraries(organisation, agents["maintainer"])),
        (now - timedelta(minutes=51), looking_again.count_now()),
    ):
        stage.add(moment, happening)


def _strangers() -> Happening:
    """The follower that notices agents which are not the ones approved; the worker goes on from its cursor."""
    while follow("strangers", types={CHECK}, handle=notice):
        continue
    yield from ()


def _stop(cast: Cast) -> Happening:
    """Lena stops the gardener; what it asked for is overtaken; Tomás agrees that it may go on."""
    people, gardener = cast.people, cast.agents["gardener"].agent
    order = order_kill(actor=people["lena"], kind=ScopeKind.AGENT, scope_id=gardener.pk, reason=STOP_REASON)
    yield timedelta(seconds=31)
    waiting = ApprovalRequest.objects.filter(agent=gardener, state=RequestState.PENDING.value)
    for request_id in waiting.values_list("pk", flat=True):
        end_if_overtaken(request_id=request_id)
    yield timedelta(hours=2, minutes=12)
    agree_resume(actor=people["tomas"], order=KillOrder.objects.get(pk=order.pk), reason=AGREE_REASON)


def _sign_ins(stage: Stage, cast: Cast, days: list[datetime], random: Random) -> None:
    """Most people most mornings; the auditor on the last day; the operator now and then."""
    often = {"ruth": 0.0, "omar": 0.4, "jonas": 0.6}
    for day in days:
        for key, person in cast.people.items():
            if random.random() < often.get(key, 0.9):
                stage.add(day + timedelta(hours=random.uniform(6.6, 8.2)), _sign_in(stage, person))
    stage.add(days[-1] + timedelta(hours=16, minutes=20), _sign_in(stage, cast.people["ruth"]))


def _sign_in(stage: Stage, person: Person) -> Iterator[timedelta]:
    record_sign_in(person=person, methods=proofs(stage.clock.now)[-2:])
    yield from ()


def _catch_up() -> None:
    """Bring the runs abreast of the log under the cursor that the worker will go on with.

    The other followers are the worker's: they tell people of requests that still wait.
    """
    step: Callable[[], int] = lambda: follow("runs", types={CHECK}, handle=project)  # noqa: E731
    while step():
        continue
