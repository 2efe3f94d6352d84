"""Policies above an agent, put in force as a committed revision whoever might have had to agree to them."""

from hashlib import sha256
from typing import Any

import orjson
from django.db import transaction

from portal.identity.models import Team
from registry.models import Agent, PolicyLevel, PolicyRevision
from registry.rules.levels import Level
from registry.selectors.policies import ORGANISATION, Subject
from tests.organisation import Organisation


def baseline(organisation: Organisation, document: dict[str, Any], team: Team | None = None) -> PolicyRevision:
    """The next revision of the organisation's policy, or of a team's."""
    subject = ORGANISATION if team is None else Subject.of_team(team)
    with transaction.atomic():
        revision = _revision(organisation, document, level=subject.level.value, team=team)
        PolicyLevel.objects.update_or_create(key=subject.key, defaults={"revision": revision})
    return revision


def revised(organisation: Organisation, agent: Agent, document: dict[str, Any]) -> PolicyRevision:
    """The next revision of the agent's own policy, wider or not."""
    with transaction.atomic():
        revision = _revision(organisation, document, level=Level.AGENT.value, agent=agent)
        Agent.objects.filter(pk=agent.pk).update(revision=revision)
    return revision


def _revision(organisation: Organisation, document: dict[str, Any], **subject: Any) -> PolicyRevision:
    before = PolicyRevision.objects.filter(**{"agent": None, "team": None, **subject}).count()
    return PolicyRevision.objects.create(
        number=before + 1,
        document=document,
        digest=sha256(orjson.dumps(document)).digest(),
        author=organisation.security,
        **subject,
    )
