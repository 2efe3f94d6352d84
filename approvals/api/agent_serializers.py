"""What agents are told of their own requests, and what they say of calls and branches."""

from typing import Any

from rest_framework import serializers

from approvals.api.calls import MOST_STATED
from approvals.api.serializers import choices_of
from approvals.rules.heads import COMMIT
from approvals.rules.workflow import GrantOutcome, GrantState, RequestState


class EditedCall(serializers.Serializer[Any]):
    """The call that a reviewer made of what was asked: exactly this one may be made, once ``number`` is approved."""

    number = serializers.CharField()
    tool = serializers.CharField()
    input = serializers.DictField()
    difference = serializers.CharField()


class AgentsGrant(serializers.Serializer[Any]):
    """A grant as its agent sees it. ``token`` is the signed form (JWS), while it can be redeemed."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=choices_of(GrantState))
    expires_at = serializers.DateTimeField()
    redeemed_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(choices=choices_of(GrantOutcome), allow_blank=True)
    outcome_at = serializers.DateTimeField(allow_null=True)
    token = serializers.CharField(allow_null=True)


class AgentsRequest(serializers.Serializer[Any]):
    """What an agent is told of its own request while it waits.

    ``changes`` is what was asked for when it was sent back, ``edited`` the call that took its place.
    """

    number = serializers.CharField()
    state = serializers.ChoiceField(choices=choices_of(RequestState))
    reason = serializers.CharField(allow_blank=True)
    expires_at = serializers.DateTimeField()
    usable_until = serializers.DateTimeField(allow_null=True)
    retry_after = serializers.IntegerField(allow_null=True)
    grant = AgentsGrant(allow_null=True)
    changes = serializers.ListField(child=serializers.CharField())
    edited = EditedCall(allow_null=True)


class OutcomeInput(serializers.Serializer[Any]):
    """How the call ended."""

    outcome = serializers.ChoiceField(choices=[GrantOutcome.SUCCEEDED.value, GrantOutcome.FAILED.value])


class HeadInput(serializers.Serializer[Any]):
    """Where a branch stands: ``commit`` is a full object name."""

    repository = serializers.CharField(max_length=MOST_STATED)
    branch = serializers.CharField(max_length=MOST_STATED)
    commit = serializers.RegexField(rf"^({COMMIT.pattern})\Z")


class HeadSerializer(serializers.Serializer[Any]):
    """Where the branch stands now and stood before, and the requests that ended because of it."""

    repository = serializers.CharField()
    branch = serializers.CharField()
    commit = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    voided = serializers.ListField(child=serializers.CharField())
