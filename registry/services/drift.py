"""Keeping what a repository's committed policy file said, as somebody with the agent's token reported it."""

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from portal.identity.rules.tokens import digest, well_formed
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import record_events as events
from registry.models import Credential, PolicySighting
from registry.rules.lifecycle import AgentState, may_act
from registry.rules.manifest import read
from registry.rules.names import Refused, normalise_repository
from registry.rules.texts import fault_in
from registry.rules.yaml_lines import MOST_BYTES, YamlError
from registry.selectors.policies import catalogue_in_force

MOST_COMMIT = 64
MOST_PATH = 255


@transaction.atomic(durable=True)
def report_policy_file(
    *, token: str, reference: str, repository: str, path: str, commit: str, text: str
) -> PolicySighting:
    """Keep the file that stands in a repository at a commit, and what it says about the agent with this token.

    A file that cannot be read is kept too, with why. The same file reported again is the same sighting.
    """
    credential = _credential(token, reference)
    agent = credential.agent
    repository = _checked(repository, path, commit, text)
    fault, document = _said(agent.name, text)
    same = agent.sightings.filter(repository=repository).order_by("-reported_at").first()
    if same is not None and (same.path, same.commit, same.text) == (path, commit, text):
        return same
    sighting = PolicySighting.objects.create(
        agent=agent,
        repository=repository,
        path=path,
        commit=commit,
        text=text,
        fault=fault,
        document=document,
        reported_by=credential.name,
        reported_at=database_now(),
    )
    event = events.PolicyFileSeen(
        sighting=sighting.pk, repository=repository, path=path, commit=commit, readable=document is not None
    )
    actor = Actor("agent", str(agent.pk), agent.name)
    append(event, actor=actor, at=sighting.reported_at, agent_id=agent.pk)
    return sighting


def _credential(token: str, reference: str) -> Credential:
    if not well_formed(token, "a"):
        raise NotAuthenticated("Send the agent's token as “Authorization: Bearer bwa_…”. Nothing was kept.")
    found = Credential.objects.select_related("agent", "agent__revision").filter(digest=digest(token)).first()
    if found is None or found.revoked_at is not None or found.expires_at <= database_now():
        raise NotAuthenticated("No agent has this token, or it is no longer valid. Nothing was kept.")
    if reference not in (found.agent.slug, str(found.agent_id)):
        raise NotFound("The token is not that agent's. Nothing was kept.")
    if not may_act(AgentState(found.agent.state)):
        raise Conflict(f"{found.agent.name} is {found.agent.state}. Nothing was kept.")
    return found


def _checked(repository: str, path: str, commit: str, text: str) -> str:
    errors = []
    for name, value, most in (("path", path, MOST_PATH), ("commit", commit, MOST_COMMIT)):
        if fault := fault_in(value, most=most):
            errors.append({"pointer": f"/{name}", "detail": fault})
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES or "\0" in text:
        errors.append({"pointer": "/text", "detail": f"must be at most {MOST_BYTES} bytes of text"})
    try:
        repository = normalise_repository(repository)
    except Refused as refusal:
        errors.append({"pointer": "/repository", "detail": str(refusal)})
    if errors:
        raise InvalidInput("The report is not valid. Nothing was kept.", errors=errors)
    return repository


def _said(name: str, text: str) -> tuple[str, dict[str, object] | None]:
    """Why the file says nothing about the agent, or the policy that it states."""
    try:
        manifest = read(text, catalogue=catalogue_in_force())
    except YamlError as error:
        first = error.faults[0]
        return f"line {first.line}: {first.detail}", None
    entry = next((one for one in manifest.agents if one.name.strip().lower() == name.lower()), None)
    if entry is None:
        return f"The file does not name {name}.", None
    return "", dict(entry.policy.to_document())
