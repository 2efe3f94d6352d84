"""The demonstration's exceptions, from a night that needed one to one that is asked for now, and its canaries."""

from datetime import timedelta

from approvals.models import ApprovalRequest, GateException
from approvals.rules.canary import TEMPLATES
from approvals.rules.exceptions import ExceptionKind
from approvals.rules.workflow import Verdict
from approvals.services.canaries import plant
from approvals.services.check import Call, decide
from approvals.services.exceptions import ask, close, grant
from approvals.services.review import Shown, add_review
from portal.identity.models import Person
from registry.models import Agent
from reports.demo.agents import Playing
from reports.demo.organisation import Organisation
from reports.demo.stage import Happening


def broken_glass(organisation: Organisation, drafter: Playing) -> Happening:
    """Staging is down in the evening: Lena asks, Aiko opens the gate, Samuel looks at the two uses next morning."""
    people = organisation.people
    asked = ask(
        actor=people["lena"],
        agent=drafter.agent,
        kind=ExceptionKind.BREAK_GLASS,
        actions=["infra.change"],
        minutes=120,
        reason="Staging lost its network at 17:40. Each attempt at the routes needs a plan and a look within seconds.",
    )
    yield timedelta(minutes=3)
    grant(actor=people["aiko"], exception=asked, reason="I am on the incident call and watch every plan.")
    # The session of the day goes on.
    before = ApprovalRequest.objects.filter(agent=drafter.agent).order_by("-number")[0]
    for command in ("terraform apply -target=module.routes", "terraform apply -target=module.gateway"):
        yield timedelta(minutes=6, seconds=20)
        call = Call(
            tool="Bash",
            tool_input={"command": command},
            session_id=before.session_id,
            cwd="/home/tomas/infrastructure",
            repository=before.repository,
            branch=before.branch,
            environment="staging",
            model=drafter.casting.model,
            fingerprint=drafter.casting.fingerprint(),
            initiator=people["lena"].email,
        )
        decide(token=drafter.token, call=call)
    yield timedelta(hours=14)
    found = GateException.objects.get(pk=asked.pk)
    close(
        actor=people["samuel"], exception=found, note="Both plans are in the incident notes; routes and gateway only."
    )


def planned(organisation: Organisation, helper: Agent) -> Happening:
    """Aiko owns an exception of three days that Tomás granted; it is open now."""
    people = organisation.people
    asked = ask(
        actor=people["aiko"],
        agent=helper,
        kind=ExceptionKind.EXCEPTION,
        actions=["pr.open"],
        minutes=3 * 24 * 60,
        reason="The runbooks move to their new layout this week: some forty small pull requests, read together.",
    )
    yield timedelta(minutes=50)
    grant(actor=people["tomas"], exception=asked, reason="Agreed for this week. Samuel reads them on Friday.")


def asked_now(organisation: Organisation, maintainer: Agent) -> Happening:
    """Jonas asks for break-glass; Daniel, Priya or security decide."""
    ask(
        actor=organisation.people["jonas"],
        agent=maintainer,
        kind=ExceptionKind.BREAK_GLASS,
        actions=["dependency.change"],
        minutes=60,
        reason="The advisory for the ledger's parser is out, and the fix needs several versions to be tried at once.",
    )
    yield from ()


def canaries(organisation: Organisation) -> Happening:
    """Three planted requests: Priya and Aiko see through theirs, Samuel approves one and is told."""
    people = organisation.people
    for slug, by, verdict, reason in (
        ("payments-maintainer", "priya", Verdict.DENY, "The package's name is not the one we use."),
        ("infrastructure-drafter", "aiko", Verdict.DENY, "We never install anything here, and not under that name."),
        ("dependency-gardener", "samuel", Verdict.APPROVE, "One more dependency, the tests will tell."),
    ):
        like = (
            ApprovalRequest.objects.filter(agent__slug=slug, canary=False).select_related("agent").order_by("-number")
        )
        planted = plant(like=like[0], templates=[TEMPLATES["typo-squat"]]) if like else None
        if planted is None:
            continue
        yield timedelta(minutes=11)
        _review(planted, people[by], verdict, reason)
        yield timedelta(minutes=38)


def _review(planted: ApprovalRequest, person: Person, verdict: Verdict, reason: str) -> None:
    add_review(
        actor=person,
        request=planted,
        verdict=verdict,
        reason=reason,
        view_hash=bytes(planted.view_hash),
        fresh=True,
        shown=Shown(seconds=19, visible_seconds=17, unfolded=True),
    )
