"""Who calls the registry's API, what a path or body names, and what a caller's body says."""

from typing import Any, TypeVar, cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from portal.errors import InvalidInput
from portal.identity.models import Person, Team
from registry.models import Agent
from registry.selectors.agents import agent_for, visible_teams

S = TypeVar("S", bound="Serializer[Any]")


def person_of(request: Request) -> Person:
    """The person behind the session or token; every view here requires one."""
    return cast("Person", request.user)


def named_agent(request: Request, reference: str) -> Agent:
    """The agent by id or slug, NotFound when the caller may not see it."""
    try:
        return agent_for(person_of(request), UUID(reference))
    except ValueError:
        return agent_for(person_of(request), reference)


def visible_team(request: Request, slug: str, pointer: str) -> Team:
    """The team by slug; a team out of sight and one that does not exist give the same answer."""
    team = visible_teams(person_of(request)).filter(slug=slug).first()
    if team is None:
        raise InvalidInput(
            "There is no such team, or it is not yours to see. Nothing was done.",
            errors=[{"pointer": pointer, "detail": "names no team that you may see"}],
        )
    return team


def read(serializer: type[S], request: Request) -> dict[str, Any]:
    """The validated body. An unknown member is refused: a misspelled limit must not be a missing one."""
    form = serializer(data=request.data)
    if not isinstance(request.data, dict):
        raise InvalidInput("The body must be a JSON object. Nothing was done.")
    unknown = sorted(set(request.data) - set(form.fields))
    if unknown:
        raise InvalidInput(
            "The body has members that are not known. Nothing was done.",
            errors=[
                {"pointer": "/" + name.replace("~", "~0").replace("/", "~1"), "detail": "is not known"}
                for name in unknown
            ],
        )
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)
