"""What the API says about people, teams and tokens; also the source of the schema."""

from typing import Any

from rest_framework import serializers

from portal.identity.models import Person, PersonToken, Team
from portal.identity.services.tokens import LONGEST_DAYS

# drf-stubs make serializers generic over the instance; the plain ones here serialise dictionaries.
Data = dict[str, Any]


class HeldRole(serializers.Serializer[Data]):
    role = serializers.CharField()
    team = serializers.CharField(allow_null=True, help_text="The team's slug; null for the whole organisation.")


class TeamBrief(serializers.Serializer[Team]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class Me(serializers.Serializer[Data]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    roles = HeldRole(many=True)
    teams = TeamBrief(many=True)


class TeamMember(serializers.Serializer[Data]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    active = serializers.BooleanField()
    roles = serializers.ListField(child=serializers.CharField())


class TeamDetail(serializers.Serializer[Data]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    members = TeamMember(many=True)


class TeamList(serializers.Serializer[Data]):
    results = TeamBrief(many=True)


class Token(serializers.Serializer[PersonToken]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The first characters, to tell tokens apart.")
    state = serializers.ChoiceField(choices=["valid", "expired", "revoked"])
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class TokenList(serializers.Serializer[Data]):
    results = Token(many=True)


class TokenRequest(serializers.Serializer[Data]):
    name = serializers.CharField(max_length=80)
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS)


class NewToken(serializers.Serializer[Data]):
    id = serializers.UUIDField()
    token = serializers.CharField(help_text="Shown in this answer only; it is stored nowhere.")
    prefix = serializers.CharField()
    expires_at = serializers.DateTimeField()


def me_document(person: Person, roles: list[Any], teams: list[Team]) -> Data:
    """The dictionary that ``Me`` serialises."""
    return {
        "id": person.pk,
        "email": person.email,
        "name": person.name,
        "roles": [{"role": held.role, "team": held.team.slug if held.team else None} for held in roles],
        "teams": teams,
    }
