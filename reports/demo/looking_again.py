"""The demonstration's recertifications: Platform has finished one, Payments is in the middle of its own."""

from datetime import date, timedelta

from approvals.jobs.count_use import count_all
from registry.models import Campaign
from registry.services.recertification import open_campaign
from registry.services.recertification_items import keep_items, remove_item
from reports.demo.organisation import Organisation
from reports.demo.stage import Happening


def finished(organisation: Organisation, *, due_on: date) -> Happening:
    """Tomás and Lena look at every entry of Platform's agents; one that was never used goes."""
    people = organisation.people
    count_all()
    campaign = open_campaign(actor=people["tomas"], team=organisation.platform, due_on=due_on)
    yield timedelta(minutes=25)
    unused = campaign.items.filter(agent__slug="infrastructure-drafter", entry="development").get()
    remove_item(actor=people["tomas"], campaign=campaign, item=unused.pk, reason="It only ever works on staging.")
    yield timedelta(minutes=9)
    for slug, reason in (
        ("infrastructure-drafter", "Every module and both branches were touched; staging is its place."),
        ("drill-canary", "It must be able to ask for something, or its stop would prove nothing."),
    ):
        _keep(campaign, slug, organisation, "tomas", reason)
    yield timedelta(hours=20)
    _keep(campaign, "dependency-gardener", organisation, "lena", "Two repositories, once each morning. It fits.")
    yield timedelta(minutes=4)
    _keep(campaign, "on-call-helper", organisation, "lena", "An alert can come from any service; it reads, no more.")


def under_way(organisation: Organisation, *, due_on: date) -> Happening:
    """Maya has begun with the repositories of her agents; what was never needed still waits."""
    maya = organisation.people["maya"]
    count_all()
    campaign = open_campaign(actor=maya, team=organisation.payments, due_on=due_on)
    yield timedelta(minutes=6)
    used = campaign.items.filter(pointer="/scope/repositories", used__gt=0).values_list("pk", flat=True)
    keep_items(actor=maya, campaign=campaign, items=list(used), reason="This is where they work.")


def count_now() -> Happening:
    """As the worker does each night."""
    count_all()
    yield from ()


def _keep(campaign: Campaign, slug: str, organisation: Organisation, by: str, reason: str) -> None:
    left = campaign.items.filter(agent__slug=slug, verdict="").values_list("pk", flat=True)
    keep_items(actor=organisation.people[by], campaign=campaign, items=list(left), reason=reason)
