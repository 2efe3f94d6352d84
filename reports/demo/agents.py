"""The agents of the demonstration: five registered under policies of their own, and one still a draft."""

from dataclasses import dataclass, field
from typing import Any

from registry.models import Agent
from registry.rules.composition import fingerprint
from registry.rules.policy import template
from registry.rules.trust import BUILT_IN
from registry.selectors.credentials import longest_days
from registry.services.credential import issue_credential
from registry.services.register import Profile, register_agent, start_draft
from registry.services.trust import trust_issuer
from reports.demo.organisation import Organisation

WEEK_OF_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, kw_only=True)
class Casting:
    """An agent as its manager registers it. ``approval`` is (quorum, minutes to decide, minutes of a grant)."""

    key: str
    team: str
    manager: str
    accountable: str
    name: str
    platform: str
    purpose: str
    data_touched: str
    repositories: tuple[str, ...]
    model: str
    deputy: str = ""
    trigger: str = "person"
    position: str = "on_loop"
    criticality: str = "medium"
    hosts: tuple[str, ...] = ()
    approval: tuple[int, int, int] = (1, 60, 10)
    tiers: dict[str, str] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, Any] = field(default_factory=dict)
    pinned: dict[str, Any] = field(default_factory=dict)

    def fingerprint(self, *, with_server: str = "") -> str | None:
        """What a run reports that it is made of; ``with_server`` is one that nobody approved. None: not pinned."""
        if not self.pinned:
            return None
        servers = [*self.pinned["mcp_servers"], *([with_server] if with_server else [])]
        return fingerprint({**self.pinned, "mcp_servers": servers})


REGISTERED = (
    Casting(
        key="maintainer",
        team="payments",
        manager="maya",
        accountable="maya",
        name="Payments Maintainer",
        platform="claude_code",
        purpose="Fixes defects and carries out small refactorings in the payments service and its ledger library, "
        "one ticket at a time, up to a draft pull request.",
        data_touched="Source code and synthetic test data; no customer records.",
        repositories=("harbourline/payments-api", "harbourline/ledger-core"),
        model="claude-sonnet-4-5",
        deputy="jonas",
        criticality="high",
        hosts=("docs.example.test",),
        # A week to decide: what waits on a migration should not be denied by a long weekend.
        approval=(1, WEEK_OF_MINUTES, 30),
    ),
    Casting(
        key="companion",
        team="payments",
        manager="maya",
        accountable="jonas",
        name="Checkout Companion",
        platform="codex",
        purpose="Builds and tests small changes to the checkout pages together with an engineer.",
        data_touched="Source code of the web checkout.",
        repositories=("harbourline/checkout-web",),
        model="gpt-5-codex",
        position="in_loop",
        approval=(1, 60, 15),
        tiers={"pr.open": "free"},
        pinned={"model": "gpt-5-codex", "tools": ["apply_patch", "shell"], "mcp_servers": ["github"]},
    ),
    Casting(
        key="drafter",
        team="platform",
        manager="tomas",
        accountable="tomas",
        name="Infrastructure Drafter",
        platform="gemini",
        purpose="Drafts Terraform changes for staging and explains their plan; people apply them.",
        data_touched="Infrastructure definitions; no state files.",
        repositories=("harbourline/platform-infra",),
        model="gemini-2.5-pro",
        deputy="lena",
        criticality="high",
        approval=(2, 120, 15),
        # Watched before it counts: nobody knows yet how large an honest change of a module is.
        modes={"limits.lines": "warn"},
    ),
    Casting(
        key="gardener",
        team="platform",
        manager="tomas",
        accountable="lena",
        name="Dependency Gardener",
        platform="copilot",
        purpose="Raises outdated dependencies each working morning and proves that the tests still pass.",
        data_touched="Lock files and build definitions.",
        repositories=("harbourline/build-tools", "harbourline/service-template"),
        model="gpt-5-mini",
        trigger="schedule",
        position="off_loop",
        approval=(1, 180, 30),
    ),
    Casting(
        key="helper",
        team="platform",
        manager="lena",
        accountable="lena",
        name="On-call Helper",
        platform="droid",
        purpose="Gathers what staging says when an alert fires and keeps the runbooks current.",
        data_touched="Logs of staging, which hold no customer data.",
        repositories=("harbourline/runbooks",),
        model="claude-haiku-4-5",
        trigger="webhook",
        criticality="low",
        hosts=("status.example.test",),
        approval=(1, 30, 10),
        tasks={
            "alert": {"scope": {"environments": ["staging"]}},
            "runbook": {
                "scope": {"paths_allowed": ["services/**", "notes/**"], "environments": []},
                "limits": {"files": 5},
            },
        },
    ),
)

DRAFT = Casting(
    key="notes",
    team="payments",
    manager="maya",
    accountable="maya",
    name="Release Notes Writer",
    platform="cursor",
    purpose="Collects merged pull requests into release notes for the payments products.",
    data_touched="Titles of pull requests.",
    repositories=("harbourline/payments-api",),
    model="",
    criticality="low",
)


@dataclass(frozen=True)
class Playing:
    """A registered agent with the token it asks with."""

    casting: Casting
    agent: Agent
    token: str


def policy_of(casting: Casting) -> dict[str, Any]:
    """The tight template, narrowed to the agent's repositories."""
    document: dict[str, Any] = template().to_document()
    quorum, expires, grant = casting.approval
    document["scope"] |= {"repositories": list(casting.repositories), "hosts": list(casting.hosts)}
    document["tiers"] |= casting.tiers
    document["approval"] = {"quorum": quorum, "expires_minutes": expires, "grant_minutes": grant}
    document |= {"modes": casting.modes, "tasks": casting.tasks}
    if casting.pinned:
        document["composition"] = {"required": True, "pinned": casting.pinned}
    return document


def draft_of(organisation: Organisation, casting: Casting) -> Agent:
    people = organisation.people
    profile = Profile(
        name=casting.name,
        platform=casting.platform,
        purpose=casting.purpose,
        trigger=casting.trigger,
        human_position=casting.position,
        criticality=casting.criticality,
        data_touched=casting.data_touched,
        accountable_person=people[casting.accountable],
        deputy=people[casting.deputy] if casting.deputy else None,
    )
    team = organisation.payments if casting.team == "payments" else organisation.platform
    return start_draft(actor=people[casting.manager], team=team, profile=profile, policy=policy_of(casting))


def register(organisation: Organisation, casting: Casting) -> Playing:
    """Draft, register, and issue the credential that its machine uses."""
    manager = organisation.people[casting.manager]
    agent = register_agent(actor=manager, agent=draft_of(organisation, casting))
    days = min(60, longest_days())
    _, token = issue_credential(actor=manager, agent=agent, name=f"{casting.platform} runner", days=days)
    if casting.key == "maintainer":
        # A second machine that only mends documentation, and so holds a credential that can do no more.
        narrow = {"scope": {"repositories": ["harbourline/payments-api"], "paths_allowed": ["docs/**"]}}
        issue_credential(actor=manager, agent=agent, name="Documentation runner", days=min(30, days), scope=narrow)
    if casting.key == "gardener":
        # It runs from a workflow each morning: that needs no stored secret.
        claims = {"repository_id": "614285317", "ref": "refs/heads/main", "environment": "dependencies"}
        audience, issuer = "https://bailiwick.example.test", BUILT_IN[0].issuer
        trust_issuer(
            actor=manager, agent=agent, name="Morning workflow", issuer=issuer, audience=audience, claims=claims
        )
    return Playing(casting, agent, token)
