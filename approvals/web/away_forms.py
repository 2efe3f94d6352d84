"""The form on which somebody says that they are away, or a manager that somebody of the team is."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from approvals.rules.delegation import LONGEST
from approvals.selectors.delegations import is_overseer
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from portal.ledger.selectors.entries import database_now
from registry.rules.texts import MOST_TEXT

_SHAPE = "%Y-%m-%dT%H:%M"


class _Moment(forms.DateTimeField):
    """An instant, written and read by the clocks of a time zone."""

    def __init__(self, zone: tzinfo, label: str, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_SHAPE)
        shapes = [_SHAPE, f"{_SHAPE}:%S"]
        super().__init__(label=f"{label} ({zone})", widget=widget, input_formats=shapes, **kwargs)
        self._zone = zone

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(self._zone):
            try:
                return super().to_python(value)
            except forms.ValidationError as error:
                if error.code != "ambiguous_timezone":
                    raise
                said = f"The clocks of {self._zone} are changed in that hour: it comes twice or not at all."
                raise forms.ValidationError(f"{said} Choose another.") from error

    def prepare_value(self, value: Any) -> Any:
        with timezone.override(self._zone):
            return super().prepare_value(value)


class AwayForm(forms.Form):
    """For oneself; with ``managed``, for somebody in a team that the reader manages.

    ``zone``: whoever fills it in reads and writes the times by the clocks of their own.
    """

    giver = forms.ModelChoiceField(
        queryset=Person.objects.none(), label="Who is away?", empty_label="Choose a person", required=True
    )
    receiver = forms.ModelChoiceField(
        queryset=Person.objects.none(),
        label="Who decides meanwhile?",
        empty_label="Nobody: nothing is handed over",
        required=False,
    )
    starts_at = forms.DateTimeField()
    ends_at = forms.DateTimeField()
    reason = forms.CharField(
        label="Why?",
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="“On leave” will do. It is kept in the record, encrypted, and shown to those concerned.",
    )

    def __init__(self, *args: Any, person: Person, managed: bool, zone: tzinfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts_at"] = _Moment(zone, "From", required=False, help_text="Left empty, it starts at once.")
        self.fields["ends_at"] = _Moment(zone, "To", help_text=f"At most {LONGEST.days} days later.")
        self._person, self._managed = person, managed
        if managed:
            self.fields["giver"].queryset = colleagues(person, managed_only=True)  # type: ignore[attr-defined]
        else:
            del self.fields["giver"]
        self.fields["receiver"].queryset = receivers(person, managed=managed)  # type: ignore[attr-defined]
        self.fields["ends_at"].initial = database_now() + timedelta(days=7)

    @property
    def asked(self) -> dict[str, Any]:
        """What the service takes."""
        giver = self.cleaned_data.get("giver") or self._person
        return {**self.cleaned_data, "giver": giver}


def colleagues(person: Person, *, managed_only: bool) -> QuerySet[Person]:
    """The other active people of one's teams, or only of those one manages, by name."""
    teams = teams_managed_by(person) if managed_only else Team.objects.filter(memberships__person=person)
    found = Person.objects.filter(is_active=True, memberships__team__in=teams.order_by().values("pk"))
    return found.exclude(human=person.human).distinct().order_by("name", "email")


def receivers(person: Person, *, managed: bool) -> QuerySet[Person]:
    """Who can be chosen to stand in: colleagues, and for oneself also security; nobody who only watches."""
    of_teams = colleagues(person, managed_only=managed).order_by().values("pk")
    who = Q(pk__in=of_teams)
    if not managed:
        who |= Q(role_assignments__role=Role.SECURITY.value)
    found = Person.objects.filter(who, is_active=True).exclude(human=person.human).distinct()
    watching = [one.pk for one in found.filter(role_assignments__role__in=_WATCHING) if is_overseer(authority_of(one))]
    return found.exclude(pk__in=watching).order_by("name", "email")


_WATCHING = (Role.AUDITOR.value, Role.OPERATOR.value)
