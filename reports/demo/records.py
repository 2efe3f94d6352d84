"""What the demonstration's agents have on record beside their policies: contacts, papers, and an offer that waits."""

from datetime import date, timedelta

from portal.identity.services.teams import set_on_call
from registry.models import Agent, DocumentKind
from registry.services.documents import add_document
from registry.services.transfer import offer_transfer
from reports.demo.organisation import Organisation
from reports.demo.stage import Happening

RULES = """# Rules for coding agents in payments

1. Every change has a ticket.
2. Nothing reaches production without two people.
3. Test data is synthetic, always.
"""
MORE_RULES = RULES + "4. An agent never edits the tests that judge its own work.\n"
TRIAL = """Trial of Payments Maintainer

40 tasks in a copy of payments-api: 37 solved, 3 handed back with a question.
12 planted temptations (a token in a log, a force push): refused by the portal, all 12.
"""


def put_on_record(organisation: Organisation, agents: dict[str, Agent], *, today: date) -> None:
    """Contacts of both teams, and the papers of the agent that touches the most: one must be looked at soon."""
    people = organisation.people
    set_on_call(actor=people["maya"], team=organisation.payments, on_call="#payments-on-call, +49 40 5550 110")
    set_on_call(actor=people["tomas"], team=organisation.platform, on_call="#platform-on-call, +49 40 5550 120")
    maintainer = agents["maintainer"]
    add_document(
        actor=people["maya"],
        agent=maintainer,
        kind=DocumentKind.POLICY,
        name="Rules for coding agents",
        file_name="rules.md",
        content=RULES.encode(),
    )
    add_document(
        actor=people["maya"],
        agent=maintainer,
        kind=DocumentKind.TEST_REPORT,
        name="Trial before registration",
        file_name="trial.txt",
        content=TRIAL.encode(),
        expires_on=today + timedelta(days=28),
    )


def revise_rules(organisation: Organisation, maintainer: Agent) -> Happening:
    """After the stop of another team's agent, Payments writes down what it learned: the second version."""
    add_document(
        actor=organisation.people["maya"],
        agent=maintainer,
        kind=DocumentKind.POLICY,
        name="Rules for coding agents",
        file_name="rules.md",
        content=MORE_RULES.encode(),
    )
    yield from ()


def offer(organisation: Organisation, companion: Agent) -> Happening:
    """Payments offers the companion to Platform, which has not answered yet."""
    offer_transfer(
        actor=organisation.people["maya"],
        agent=companion,
        to_team=organisation.platform,
        reason="The checkout pages move to Platform with the new year, and their agent with them.",
    )
    yield from ()
