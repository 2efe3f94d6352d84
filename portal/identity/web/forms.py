"""The forms of settings, people and teams."""

from typing import Any

from django import forms

from portal.identity.models import Person, Team
from portal.identity.rules.roles import EXPLAIN, ORGANISATION_ROLES, TEAM_ROLES, Role
from portal.identity.services.tokens import LONGEST_DAYS


class NameForm(forms.Form):
    name = forms.CharField(max_length=120, label="Your name", help_text="As others see it beside your decisions.")


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, label="What is it for?", help_text="For example: nightly export script.")
    days = forms.TypedChoiceField(
        coerce=int,
        label="It stops working after",
        choices=[(days, f"{days} days") for days in (7, 30, LONGEST_DAYS)],
        initial=30,
    )


class InviteForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name")
    email = forms.EmailField(label="E-mail address", help_text="They get a link there to choose their own password.")


class SearchForm(forms.Form):
    q = forms.CharField(required=False, label="Name or e-mail", max_length=100)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["q"].widget = forms.TextInput(attrs={"type": "search", "data-key-search": True})


class TeamForm(forms.Form):
    name = forms.CharField(max_length=80, label="Name of the team")


def _name_and_address(person: Person) -> str:
    return f"{person.name} ({person.email})"


class MemberForm(forms.Form):
    person = forms.ModelChoiceField(
        queryset=Person.objects.none(),
        label="Person",
        empty_label="Choose a person",
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        outside = Person.objects.filter(is_active=True).exclude(memberships__team=team).order_by("name", "email")
        self.fields["person"].queryset = outside  # type: ignore[attr-defined]
        self.fields["person"].label_from_instance = _name_and_address  # type: ignore[attr-defined]


class OrganisationRoleForm(forms.Form):
    role = forms.TypedChoiceField(
        coerce=Role,
        label="Role in the whole organisation",
        choices=[(role.value, f"{role.value}: {EXPLAIN[role]}") for role in Role if role in ORGANISATION_ROLES],
    )


class TeamRoleForm(forms.Form):
    role = forms.TypedChoiceField(
        coerce=Role,
        label="Role in one team",
        choices=[(role.value, f"{role.value}: {EXPLAIN[role]}") for role in Role if role in TEAM_ROLES],
    )
    team = forms.ModelChoiceField(queryset=Team.objects.order_by("name"), label="Team", empty_label="Choose a team")


class LinkForm(forms.Form):
    email = forms.EmailField(label="E-mail address of the other account")
    reason = forms.CharField(
        max_length=500, label="How do you know?", help_text="One line, kept in the record. At least three characters."
    )
