"""Who may administer people and teams, enforced beneath every edge."""

from django.db.models import QuerySet

from portal.errors import Conflict, NotAllowed
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.roles import Role
from portal.ledger.events import Actor


def require_administrator(actor: Actor) -> None:
    """The portal itself (set-up, command line) or an active operator; everyone else is refused."""
    if actor.kind == "system":
        return
    if actor.kind == "person" and _operators().filter(person_id=actor.id).exists():
        return
    raise NotAllowed("People, teams and roles are looked after by operators. Nothing was changed.")


def keep_an_operator(*, without: Person) -> None:
    """Refuse to lose the last active operator: nobody could then invite or close anybody.

    The rows are locked first, so that two operators who remove each other cannot both succeed.
    """
    held = [row.person_id for row in _operators().select_for_update(of=("self",)).order_by("pk")]
    if held == [without.pk]:
        raise Conflict("This is the only active operator. Make another one first. Nothing was changed.")


def _operators() -> QuerySet[RoleAssignment]:
    return RoleAssignment.objects.filter(role=Role.OPERATOR.value, person__is_active=True)
