"""Me, my tokens, and the teams that I may see, over JSON."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.errors import NotAllowed
from portal.identity.api import serializers
from portal.identity.models import Person, PersonToken, Team
from portal.identity.proof import require_step_up
from portal.identity.selectors.people import roles_held
from portal.identity.selectors.teams import members_of, team_for, teams_for
from portal.identity.selectors.tokens import tokens_of
from portal.identity.services.tokens import issue_token, revoke_token


def caller(request: Request) -> Person:
    assert isinstance(request.user, Person)  # noqa: S101 (the default permission class made sure of it)
    return request.user


class MeView(APIView):
    @extend_schema(operation_id="me", summary="Who am I", tags=["people"], responses=serializers.Me)
    def get(self, request: Request) -> Response:
        person = caller(request)
        teams = list(Team.objects.filter(memberships__person=person).order_by("name"))
        return Response(serializers.Me(serializers.me_document(person, roles_held(person), teams)).data)


class TokensView(APIView):
    @extend_schema(
        operation_id="my_tokens", summary="My tokens, newest first", tags=["people"], responses=serializers.TokenList
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.TokenList({"results": tokens_of(caller(request))}).data)

    @extend_schema(
        operation_id="issue_my_token",
        summary="Issue a token",
        description="Only from a signed-in browser, freshly confirmed: a token cannot make tokens.",
        tags=["people"],
        request=serializers.TokenRequest,
        responses={201: serializers.NewToken},
    )
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, PersonToken):
            raise NotAllowed("A token cannot make another token. Sign in with a browser. Nothing was created.")
        # The session, and with it the proof, belongs to Django's request beneath DRF's.
        require_step_up(request._request)  # noqa: SLF001
        asked = serializers.TokenRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        token, text = issue_token(person=caller(request), **asked.validated_data)
        body = {"id": token.pk, "token": text, "prefix": token.prefix, "expires_at": token.expires_at}
        return Response(serializers.NewToken(body).data, status=201)


class TokenView(APIView):
    @extend_schema(operation_id="revoke_my_token", summary="Revoke a token", tags=["people"], responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        revoke_token(person=caller(request), token_id=token_id)
        return Response(status=204)


class TeamsView(APIView):
    @extend_schema(
        operation_id="teams", summary="Teams that I may see", tags=["people"], responses=serializers.TeamList
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.TeamList({"results": teams_for(caller(request))}).data)


class TeamView(APIView):
    @extend_schema(
        operation_id="team", summary="A team and its members", tags=["people"], responses=serializers.TeamDetail
    )
    def get(self, request: Request, slug: str) -> Response:
        team = team_for(caller(request), slug)
        members = [
            {"id": item.person.pk, "name": item.person.name, "active": item.person.is_active, "roles": item.roles}
            for item in members_of(team)
        ]
        body = {"id": team.pk, "slug": team.slug, "name": team.name, "members": members}
        return Response(serializers.TeamDetail(body).data)
