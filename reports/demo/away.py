"""Who of the demonstration was away, and who will be: a leave that was planned, and an illness."""

from datetime import datetime, timedelta

from approvals.services.delegation import delegate
from reports.demo.organisation import Organisation
from reports.demo.stage import Happening


def ill(organisation: Organisation, until: datetime) -> Happening:
    """His manager says who decides for Samuel meanwhile."""
    people = organisation.people
    delegate(
        actor=people["tomas"],
        giver=people["samuel"],
        receiver=people["lena"],
        ends_at=until,
        reason="Ill; back on the feet by tomorrow.",
    )
    yield timedelta()


def leave(organisation: Organisation, *, starts_at: datetime) -> Happening:
    """Priya hands her right over for a week that is still to come."""
    people = organisation.people
    delegate(
        actor=people["priya"],
        giver=people["priya"],
        receiver=people["jonas"],
        starts_at=starts_at,
        ends_at=starts_at + timedelta(days=7),
        reason="On leave. Jonas knows the service.",
    )
    yield timedelta()
