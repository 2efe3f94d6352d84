"""The inbox: its pulse, what stands together, what narrows it; and what the page of a request posts and shows."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, Review
from approvals.rules.eligibility import Refusal
from approvals.rules.workflow import Verdict
from approvals.selectors import pulse
from approvals.web.inbox import InboxRow, bundles
from approvals.web.stages import counted, stages_of, why_not
from portal.identity.models import Person
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.approvals.rulebooks import in_force
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = pytest.mark.django_db(transaction=True)


def browser_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def heard(client: Client, path: str = "/approvals/") -> tuple[str, str]:
    """Where a page asks for its pulse, and what it has heard."""
    pulse.forget()
    page = client.get(path).content.decode()
    found = re.search(r'data-pulse="([^"]+)" data-pulse-now="(\w+)"', page)
    assert found
    return unescape(found[1]), found[2]


def beat(where: tuple[str, str]) -> int:
    """The status of the next question, as the database stands now and without a session."""
    pulse.forget()
    return Client().get(f"{where[0]}&p={where[1]}").status_code


def test_the_pulse_changes_with_what_its_reader_sees(organisation: Organisation, agent: Agent, token: str) -> None:
    """A new request, a verdict and an end are heard by the team and by security; another team hears nothing."""
    team, all_ = browser_of(organisation.approver), browser_of(organisation.security)
    other = browser_of(organisation.outsider)
    before = [heard(team), heard(all_), heard(other)]
    assert [beat(one) for one in before] == [204, 204, 204]
    asked = opened(token)
    assert [beat(one) for one in before] == [200, 200, 204]
    now = [heard(team), heard(all_)]
    page = heard(team, f"/approvals/{asked.label}/")
    review(asked, organisation.second_approver, Verdict.DENY)
    assert [beat(one) for one in (*now, page)] == [200, 200, 200]


def test_the_list_of_all_that_waits_says_the_number_of_the_badge(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    """The badge itself, as its own address gives it. A narrowed list, or one of others' requests, has none."""
    browser = browser_of(organisation.approver)

    def carried(query: str) -> str:
        page = browser.get(f"/approvals/list/{query}").content.decode()
        found = re.search(r"<template data-waiting>(.*?)</template>", page, re.DOTALL)
        assert found
        return found[1].strip()

    def badge() -> str:
        return browser.get("/approvals/badge/").content.decode().strip()

    assert carried("") == badge()
    for number in range(3):
        opened(token, f"gh pr merge {number + 1} --squash")
    assert carried("?group=on") == badge()
    assert 'data-inbox-count="3"' in badge()
    for narrowed in ("q=merge", "show=pending", "show=decided", f"agent={agent.slug}", "risk=elevated"):
        assert "data-waiting" not in browser.get(f"/approvals/list/?{narrowed}").content.decode(), narrowed


def test_a_stop_is_heard(organisation: Organisation, agent: Agent, token: str) -> None:
    opened(token)
    before = heard(browser_of(organisation.approver))
    Agent.objects.filter(pk=agent.pk).update(state="suspended")
    assert beat(before) == 200


@pytest.mark.parametrize("note", ["", "forged", "WyIqIl0:1abc:xyz", "%00"])
def test_without_the_note_of_a_page_there_is_no_pulse(organisation: Organisation, note: str) -> None:
    assert Client().get(f"/approvals/pulse/?t={note}").status_code == 404


def test_a_pulse_costs_one_statement_at_most_and_none_soon_after(organisation: Organisation, token: str) -> None:
    opened(token)
    where = heard(browser_of(organisation.approver))
    client = Client()
    pulse.forget()
    for most in (1, 0):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{where[0]}&p={where[1]}")
        assert len(queries) <= most


def row(request: ApprovalRequest, *, mine: bool = True, state: str = "pending") -> InboxRow:
    return InboxRow(request=request, label="Merge", why="gated", mine=mine, state=state)


def test_what_asks_alike_stands_behind_the_first(organisation: Organisation, agent: Agent) -> None:
    """Only what waits, of the same agent, and only among what is equally the reader's to decide."""
    kinds = [("a", True), ("b", True), ("a", True), ("", True), ("", True), ("a", False), ("a", True)]
    rows = [
        row(ApprovalRequest(number=at, agent=agent, precedent=kind), mine=mine) for at, (kind, mine) in enumerate(kinds)
    ]
    found = [(one.lead.request.number, [rest.request.number for rest in one.rest]) for one in bundles(rows)]
    assert found == [(0, [2, 6]), (1, []), (3, []), (4, []), (5, [])]
    decided = [row(one.request, state="denied") for one in rows]
    assert all(one.rest == [] for one in bundles(decided))


@pytest.mark.parametrize(
    ("bands", "said"),
    [(["low"], ""), (["low", "low"], ""), (["low", "elevated", "high"], "high"), (["high", "low"], "")],
)
def test_what_folds_away_says_when_it_is_riskier(agent: Agent, bands: list[str], said: str) -> None:
    rows = [
        replace(row(ApprovalRequest(number=at, agent=agent, precedent="a")), band=band) for at, band in enumerate(bands)
    ]
    (found,) = bundles(rows)
    assert found.riskier == said


def test_the_inbox_is_narrowed_by_risk_and_likeness(organisation: Organisation, token: str) -> None:
    like = [opened(token, f"gh pr merge {number} --squash", session_id=str(number)) for number in range(3)]
    other = opened(token, "npm install left-pad@1.3.0", session_id="other")
    ApprovalRequest.objects.filter(pk=other.pk).update(risk=80)
    client = browser_of(organisation.approver)

    def listed(query: str) -> set[int]:
        page = client.get(f"/approvals/list/?{query}").content.decode()
        return {int(number) for number in re.findall(r'id="row-(\d+)"', page)}

    assert listed("") == {one.number for one in (*like, other)}
    assert listed("risk=high") == {other.number}
    assert listed("risk=elevated") >= {other.number}
    assert listed(f"like={like[0].number}") == {one.number for one in like}
    assert listed(f"like={other.number}") == {other.number}
    assert listed("like=999999") == set()
    assert listed("risk=nonsense&asks=group:none&like=-1") == {one.number for one in (*like, other)}


def test_a_decision_carries_how_it_was_looked_at(organisation: Organisation, token: str) -> None:
    """Seconds in sight and folds as the browser says them; nonsense counts as not known, and nothing is refused."""
    client = browser_of(organisation.approver)
    for said, kept in (({"visible": "17", "unfolded": "1"}, (17, True)), ({"visible": "x"}, (None, None))):
        asked = opened(token, session_id=str(kept))
        page = client.get(f"/approvals/{asked.label}/").content.decode()
        assert 'name="visible" value="" data-visible' in page
        assert 'name="unfolded" value="" data-unfolded' in page
        body = {"verdict": "approve", "reason": "I read it.", "view_hash": bytes(asked.view_hash).hex(), **said}
        assert client.post(f"/approvals/{asked.label}/review/", body).status_code == 302
        given = Review.objects.get(request=asked)
        assert (given.visible_seconds, given.unfolded) == kept


def test_the_buttons_stand_after_everything_that_is_decided(organisation: Organisation, token: str) -> None:
    """Also what people said and who decides; so without scripts whoever reaches them has passed it."""
    page = browser_of(organisation.approver).get(f"/approvals/{opened(token).label}/").content.decode()
    order = ["What exactly", "What it amounts to", "Who decides", "Comments", 'value="approve"', 'value="deny"']
    assert [page.index(one) for one in order] == sorted(page.index(one) for one in order)


def test_precedent_tells_what_came_of_it(organisation: Organisation, token: str) -> None:
    """Beside the request: like ones of before, when they ended, whether carried out. Planted ones do not count."""
    old = review(opened(token, "gh pr merge 5 --squash", session_id="old"), organisation.second_approver)
    ApprovalRequest.objects.filter(pk=old.pk).update(opened_at=old.opened_at - timedelta(hours=1))
    planted = opened(token, "gh pr merge 6 --squash", session_id="planted")
    ApprovalRequest.objects.filter(pk=planted.pk).update(canary=True)
    asked = opened(token, "gh pr merge 7 --squash", session_id="new")
    page = browser_of(organisation.approver).get(f"/approvals/{asked.label}/").content.decode()
    side = page[page.index("<h3>Precedent</h3>") :]
    assert old.label in side
    assert "Not carried out yet." in side
    assert old.resolved_at is not None
    assert f"{old.resolved_at:%Y-%m-%dT%H:%M:%S}" in side
    assert planted.label not in side


HUMANS = {name: uuid4() for name in "abc"}


def fact(human: str, verdict: str, stage: int = 0, **more: Any) -> Review:
    return Review(person=Person(human=HUMANS[human]), verdict=verdict, stage=stage, **more)


def test_stages_are_shown_in_their_turn(organisation: Organisation, agent: Agent) -> None:
    """A stage is open when all before it are full; a verdict that was taken back counts nowhere."""
    stages = [
        {"name": "Owner team", "groups": ["team", "security"], "quorum": 1},
        {"name": "Release", "groups": ["group:release"], "quorum": 2},
        {"name": "Last", "groups": ["group:gone"], "quorum": 1},
    ]
    asked = ApprovalRequest(agent=agent, stages=stages, quorum=4)
    given = [fact("a", "approve"), fact("b", "approve", 1), fact("c", "approve", 1), fact("c", "retract", 1)]
    found = stages_of(asked, given, {"release": "Release managers"}, {HUMANS["a"]: 0, HUMANS["b"]: 1})
    assert [(one.status, len(one.given)) for one in found] == [("done", 1), ("open", 1), ("later", 0)]
    assert [one.who for one in found] == ["approvers of Payments or security", "Release managers", "gone"]
    assert len(counted(given)) == 2
    lost = fact("a", "approve")
    # Their right is gone, so who approved later counts in the first stage.
    lost.counts = False  # type: ignore[attr-defined]
    now = stages_of(asked, [lost, *given[1:]], {}, {HUMANS["b"]: 0})
    assert [(one.status, len(one.given)) for one in now] == [("done", 1), ("open", 0), ("later", 0)]


@pytest.mark.parametrize(
    ("code", "sentence", "words"),
    [
        ("initiator", "You started the work that asks for this, so another person must decide.", "started the work"),
        ("prompt_author", "You wrote the prompt, so another person must decide.", "wrote the prompt"),
        ("account", "Another account of yours, x, did.", "another account of theirs, x, did."),
    ],
)
def test_why_a_colleague_may_not(code: str, sentence: str, words: str) -> None:
    assert why_not(Refusal(code, sentence)).startswith(words)
    assert why_not(None) == ""


def test_a_row_names_the_risk_as_its_rulebook_does(organisation: Organisation, token: str) -> None:
    """The score at which a risk is high is a number of the rulebook, and not of the list."""
    in_force(organisation, {"risk": {"elevated": 1, "high": 2}})
    asked = opened(token)
    assert 2 <= asked.risk < 40
    assert "High risk" in browser_of(organisation.approver).get("/approvals/home/").content.decode()


def test_agents_of_two_teams_do_not_stand_together(organisation: Organisation, token: str) -> None:
    """The same command of another agent is another kind of request."""
    other = credential_for(organisation, active_agent(organisation, "Second Refactorer"))
    first, second = opened(token), opened(other)
    assert first.precedent
    assert first.precedent != second.precedent
