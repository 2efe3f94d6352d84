"""The tab "Use", the pages of recertification, and their CSV, as people use them without scripts."""

import csv
import io
import re
from datetime import UTC, datetime, time, timedelta

import pytest
from django.test import Client

from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Campaign, CampaignItem
from registry.rules.recertification import Granted
from registry.selectors.recertification import progress
from registry.services.recertification import close_missed, open_campaign
from registry.services.recertification_items import keep_items
from registry.services.usage import Use, store_usage
from tests.organisation import Organisation, active_agent, policy_document
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db

REPOSITORY = Granted("/scope/repositories", "acme/payments")


def _campaign(organisation: Organisation, days: int = 14) -> Campaign:
    due_on = database_now().date() + timedelta(days=days)
    return open_campaign(actor=organisation.manager, team=organisation.payments, due_on=due_on)


def _counted(agent: Agent) -> None:
    now = database_now()
    uses = {REPOSITORY: Use(1234, now), Granted("/scope/models", "*"): Use(0, None)}
    store_usage(agent_id=agent.pk, uses=uses, since=now - timedelta(days=90), at=now)


def _page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def _chosen(page: str) -> int:
    """How many entries of the page are chosen."""
    return len(re.findall(r'name="item"[^>]* checked', page))


def test_the_tab_tells_not_counted_from_never_needed(client: Client, organisation: Organisation, agent: Agent) -> None:
    sign_in(client, organisation.member)
    page = _page(client, f"/agents/{agent.slug}/use/")
    assert "Not counted yet" in page
    assert "Never needed" not in page
    _counted(agent)
    page = _page(client, f"/agents/{agent.slug}/use/")
    assert "1,234" in page
    assert "Never needed" in page
    assert "not counted" in page, "entries that came after the count say so"
    assert "Remove" not in page, "a member changes nothing"
    only = _page(client, f"/agents/{agent.slug}/use/?show=unused")
    assert "1,234" not in only


def test_an_entry_is_taken_away_in_two_steps(client: Client, organisation: Organisation, agent: Agent) -> None:
    _counted(agent)
    sign_in(client, organisation.manager)
    assert "Remove" in _page(client, f"/agents/{agent.slug}/use/")
    address = f"/agents/{agent.slug}/use/remove/"
    question = _page(client, f"{address}?pointer=/scope/repositories&entry=acme/payments")
    assert "1,234" in question
    assert "second person" in question
    body = {"pointer": "/scope/repositories", "entry": "acme/payments", "based_on": "1", "reason": "Moved away."}
    response = client.post(address, body)
    assert response.status_code == 302
    agent = Agent.objects.select_related("revision").get(pk=agent.pk)
    assert agent.revision is not None
    assert (agent.revision.number, agent.revision.reason) == (2, "Moved away.")
    assert agent.revision.document["scope"]["repositories"] == []
    assert client.post(address, body).status_code == 404, "it is not granted any more"


def test_an_action_is_forbidden_from_the_tab(client: Client, organisation: Organisation, agent: Agent) -> None:
    sign_in(client, organisation.manager)
    body = {"pointer": "/tiers", "entry": "pr.merge", "based_on": "1"}
    assert client.post(f"/agents/{agent.slug}/use/remove/", body).status_code == 302
    agent = Agent.objects.select_related("revision").get(pk=agent.pk)
    assert agent.revision is not None
    assert agent.revision.document["tiers"]["pr.merge"] == "forbidden"


def test_somebody_elses_revision_in_between_keeps_what_was_typed(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    sign_in(client, organisation.manager)
    address = f"/agents/{agent.slug}/use/remove/"
    client.post(address, {"pointer": "/tiers", "entry": "pr.merge", "based_on": "1"})
    stale = {"pointer": "/scope/repositories", "entry": "acme/payments", "based_on": "1", "reason": "My own words."}
    response = client.post(address, stale)
    assert response.status_code == 409
    assert "My own words." in response.content.decode()


@pytest.mark.parametrize("who", ["member", "approver", "security", "auditor"])
def test_only_managers_take_away(client: Client, organisation: Organisation, agent: Agent, who: str) -> None:
    sign_in(client, organisation.people[who])
    body = {"pointer": "/scope/repositories", "entry": "acme/payments", "based_on": "1"}
    assert client.post(f"/agents/{agent.slug}/use/remove/", body).status_code == 403


def test_a_campaign_from_start_to_done(client: Client, organisation: Organisation, agent: Agent) -> None:
    _counted(agent)
    sign_in(client, organisation.manager)
    assert "suspended" in _page(client, "/recertification/start/")
    past = client.post("/recertification/start/", {"team": organisation.payments.pk, "due_on": "2020-01-01"})
    assert past.status_code == 400
    assert "2020-01-01" in past.content.decode(), "what was typed is kept"
    due_on = (database_now().date() + timedelta(days=10)).isoformat()
    started = client.post("/recertification/start/", {"team": organisation.payments.pk, "due_on": due_on})
    campaign = Campaign.objects.get()
    assert started.headers["Location"] == f"/recertification/{campaign.number}/"
    address = f"/recertification/{campaign.number}/"
    page = _page(client, address)
    assert "1,234" in page
    assert "Never needed" in page
    assert "not counted" in page
    model = CampaignItem.objects.get(pointer="/scope/models")
    client.post(address, {"remove": str(model.pk), "agent": agent.slug})
    others = [str(pk) for pk in campaign.items.filter(verdict="").values_list("pk", flat=True)]
    forgotten = client.post(address, {"item": others, "agent": agent.slug, "reason": ""})
    assert forgotten.status_code == 400
    assert _chosen(forgotten.content.decode()) == len(others), "what was chosen stays chosen"
    client.post(address, {"item": others, "agent": agent.slug, "reason": "All of it is needed."})
    campaign.refresh_from_db()
    assert campaign.state == "done"
    page = _page(client, address)
    assert "Removed" in page
    assert "All of it is needed." in page
    agent = Agent.objects.select_related("revision").get(pk=agent.pk)
    assert agent.revision is not None
    assert agent.revision.document["scope"]["models"] == []


def test_choosing_what_was_needed_works_without_scripts(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    _counted(agent)
    campaign = _campaign(organisation)
    sign_in(client, organisation.manager)
    address = f"/recertification/{campaign.number}/?agent={agent.slug}"
    assert _chosen(_page(client, address)) == 0
    assert _chosen(_page(client, f"{address}&choose=used")) == 1
    assert _chosen(_page(client, f"{address}&choose=all")) == progress(campaign).total


@pytest.mark.parametrize(
    "body",
    [
        {"remove": "nonsense"},
        {"item": ["nonsense"], "reason": "x"},
        {"remove": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_nonsense_is_refused_on_the_page(
    client: Client, organisation: Organisation, agent: Agent, body: dict[str, object]
) -> None:
    campaign = _campaign(organisation)
    sign_in(client, organisation.manager)
    response = client.post(f"/recertification/{campaign.number}/", body)
    assert response.status_code in {400, 404}
    assert "Nothing was decided" in response.content.decode()


def test_those_who_only_read_see_no_buttons(client: Client, organisation: Organisation, agent: Agent) -> None:
    campaign = _campaign(organisation)
    sign_in(client, organisation.auditor)
    page = _page(client, f"/recertification/{campaign.number}/")
    assert 'name="remove"' not in page
    assert "A manager of Payments decides these." in page


def test_a_missed_date_shows_on_home_on_the_campaign_and_on_the_agent(
    client: Client, organisation: Organisation, agent: Agent
) -> None:
    campaign = _campaign(organisation, days=5)
    sign_in(client, organisation.manager)
    assert "undecided" in _page(client, "/home/findings/")
    close_missed(datetime.combine(campaign.due_on + timedelta(days=1), time(1), UTC))
    assert "Recertification missed" in _page(client, "/home/findings/")
    assert "Recertification missed" in _page(client, f"/agents/{agent.slug}/")
    assert "The date was missed" in _page(client, f"/recertification/{campaign.number}/")
    assert "A recertification was missed" in _page(client, f"/agents/{agent.slug}/use/")
    assert "Missed" in _page(client, "/recertification/")
    client.force_login(organisation.member)
    assert "ecertification" not in client.get("/home/findings/").content.decode()


def test_the_evidence_is_a_table_in_which_no_cell_is_a_formula(client: Client, organisation: Organisation) -> None:
    policy = policy_document(branches_allowed=["feature/**"])
    active_agent(organisation, "=HYPERLINK(1)", policy=policy)
    campaign = _campaign(organisation)
    item = CampaignItem.objects.get(entry="feature/**")
    keep_items(actor=organisation.manager, campaign=campaign, items={item.pk}, reason='@SUM(A1) "quoted"')
    sign_in(client, organisation.auditor)
    response = client.get(f"/recertification/{campaign.number}/export.csv")
    assert response.headers["Content-Disposition"] == f'attachment; filename="recertification-{campaign.number}.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert len(rows) == progress(campaign).total
    assert {row["agent"] for row in rows} == {"'=HYPERLINK(1)"}
    kept = next(row for row in rows if row["entry"] == "feature/**")
    assert (kept["standing"], kept["reason"]) == ("kept", '\'@SUM(A1) "quoted"')
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())


def test_security_cancels_after_a_look(client: Client, organisation: Organisation, agent: Agent) -> None:
    campaign = _campaign(organisation)
    sign_in(client, organisation.security)
    address = f"/recertification/{campaign.number}/cancel/"
    assert "undecided" in _page(client, address)
    assert client.post(address, {"reason": ""}).status_code == 422
    assert client.post(address, {"reason": "The wrong team."}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.state == "cancelled"
