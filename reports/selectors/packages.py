"""Reading packages: who may see which, who may ask for what, and where a finished one lies."""

from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import authority_of
from registry.models import Agent
from reports.models import Package, PackageDownload
from reports.rules.package import PackageScope, PackageState

SEES_ALL = (Role.AUDITOR, Role.SECURITY)


def sees_all(authority: Authority) -> bool:
    return any(authority.has(role) for role in SEES_ALL)


def managed_teams(authority: Authority) -> frozenset[UUID]:
    """The teams whose evidence the person may ask for as their manager."""
    if not authority.active:
        return frozenset()
    return frozenset(team for role, team in authority.roles if role is Role.MANAGER and team is not None)


def visible_packages(person: Person) -> QuerySet[Package]:
    """All for auditors and security; for managers those of their teams and of their teams' agents.

    Judged by the rights of this moment: who lost the role no longer sees what they once asked for.
    """
    packages = Package.objects.select_related("team", "agent", "agent__owner_team", "requested_by")
    authority = authority_of(person)
    if sees_all(authority):
        return packages
    teams = managed_teams(authority)
    return packages.filter(Q(team__in=teams) | Q(agent__owner_team__in=teams)) if teams else packages.none()


def package_for(person: Person, number: int) -> Package:
    package = visible_packages(person).filter(number=number).first()
    if package is None:
        raise NotFound("There is no such package, or it is not yours to see.")
    return package


def may_request(authority: Authority, *, scope: PackageScope, team_id: UUID | None) -> bool:
    """``team_id`` is the team, or the team that owns the agent; None for everything."""
    if sees_all(authority):
        return True
    return scope is not PackageScope.ALL and team_id in managed_teams(authority)


def may_request_any(authority: Authority) -> bool:
    return sees_all(authority) or bool(managed_teams(authority))


def teams_to_choose(person: Person) -> QuerySet[Team]:
    authority = authority_of(person)
    return Team.objects.all() if sees_all(authority) else Team.objects.filter(pk__in=managed_teams(authority))


def agents_to_choose(person: Person) -> QuerySet[Agent]:
    """Registered agents; a draft never did anything that could be evidence."""
    return (
        Agent.objects.filter(owner_team__in=teams_to_choose(person), registered_at__isnull=False)
        .select_related("owner_team")
        .order_by("name")
    )


def downloads_of(package: Package) -> QuerySet[PackageDownload]:
    return package.downloads.select_related("person")


def previous_ready(package: Package) -> Package | None:
    """The newest finished package of the same scope with a smaller or equal log, which this one must extend."""
    if package.checkpoint_size is None:
        return None
    return (
        Package.objects.filter(
            state=PackageState.READY.value,
            scope=package.scope,
            team=package.team_id,
            agent=package.agent_id,
            number__lt=package.number,
            checkpoint_size__gt=0,
            checkpoint_size__lte=package.checkpoint_size,
        )
        .order_by("-number")
        .first()
    )


def package_path(package: Package) -> Path:
    """Where the finished file lies. The name holds nothing that anyone typed."""
    directory: Path = settings.BAILIWICK_DATA_DIR / "packages"
    return directory / f"{package.pk}.zip"


def scope_text(package: Package) -> str:
    """``all``, ``team:<uuid>`` or ``agent:<uuid>``, as in the manifest."""
    identity = package.team_id or package.agent_id
    return f"{package.scope}:{identity}" if identity else package.scope


def scope_label(package: Package) -> str:
    """The scope for people."""
    if package.team is not None:
        return f"Team {package.team.name}"
    return f"Agent {package.agent.name}" if package.agent is not None else "The whole organisation"


def package_file(package: Package) -> BinaryIO:
    """The finished file, open for reading. Raises FileNotFoundError."""
    return package_path(package).open("rb")
