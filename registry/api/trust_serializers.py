"""What the API takes and gives of trusts, rotation and revoking."""

from typing import Any

from rest_framework import serializers

from registry.api.serializers import PersonSerializer
from registry.models import IssuerTrust
from registry.rules.texts import MOST_NAME
from registry.rules.trust import MOST_AUDIENCE, MOST_VALUE
from registry.services.credential import LONGEST_DAYS, LONGEST_OVERLAP_HOURS


class RotationInput(serializers.Serializer[Any]):
    """``days`` is how long the new credential lives, ``overlap_hours`` how long the old one still works."""

    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=30)
    overlap_hours = serializers.IntegerField(min_value=0, max_value=LONGEST_OVERLAP_HOURS, default=24)


class RevokeAllInput(serializers.Serializer[Any]):
    trusts = serializers.BooleanField(default=False, help_text="Revoke the agent's trusts too.")


class RevokedAllSerializer(serializers.Serializer[Any]):
    """How many were revoked."""

    credentials = serializers.IntegerField()
    trusts = serializers.IntegerField()


class TrustSerializer(serializers.ModelSerializer[IssuerTrust]):
    """Whose tokens may be exchanged: exactly these claims, from this issuer, for this audience."""

    created_by = PersonSerializer()
    claims = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = IssuerTrust
        fields = [
            "id",
            "name",
            "issuer",
            "audience",
            "claims",
            "created_at",
            "created_by",
            "revoked_at",
            "last_used_at",
        ]


class TrustInput(serializers.Serializer[Any]):
    """``issuer`` is the ``iss`` of an issuer that the portal knows; the claims depend on it."""

    name = serializers.CharField(max_length=MOST_NAME)
    issuer = serializers.CharField(max_length=200)
    audience = serializers.CharField(max_length=MOST_AUDIENCE, trim_whitespace=False)
    claims = serializers.DictField(child=serializers.CharField(max_length=MOST_VALUE, trim_whitespace=False))
