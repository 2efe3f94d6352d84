"""The pages at their edge: what they show exactly, what a form does, what a GET never does, what they cost."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors import pulse
from portal.identity.models import Person
from portal.ledger.models import Entry
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.approvals.asking import ask, opened, review
from tests.organisation import Organisation, active_agent, credential_for, draft_agent
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


def browser_of(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def text_of(response: Any) -> str:
    return unescape(re.sub(r"<[^>]*>", "", response.content.decode()))


def form_of(asked: ApprovalRequest, **change: str) -> dict[str, str]:
    return {"verdict": "approve", "reason": "I read it.", "view_hash": bytes(asked.view_hash).hex(), **change}


def decide(client: Client, asked: ApprovalRequest, body: dict[str, str], **headers: str) -> Any:
    return client.post(f"/approvals/{asked.label}/review/", body, headers=headers)


def test_opening_changes_nothing(organisation: Organisation, token: str) -> None:
    """R61, R62, I10: no page, fragment or method that is safe writes a row anywhere."""
    asked = opened(token)
    before = (Entry.objects.count(), ApprovalRequest.objects.values().get(pk=asked.pk))
    client = browser_of(organisation.approver)
    for path in (
        "",
        "list/",
        "badge/",
        "home/",
        "AR-1/",
        "AR-1/news/",
        "of/payments-refactorer/",
        "stop-counts/?key=all",
    ):
        for method in ("get", "head"):
            with CaptureQueriesContext(connection) as queries:
                assert getattr(client, method)(f"/approvals/{path}").status_code == 200
            written = [q["sql"] for q in queries if not q["sql"].startswith(("SELECT", "BEGIN", "COMMIT"))]
            assert [sql for sql in written if "session" not in sql] == []
    for path in ("review", "withdraw"):
        assert client.get(f"/approvals/AR-1/{path}/").status_code == 405
        assert client.options(f"/approvals/AR-1/{path}/").status_code == 405
    assert (Entry.objects.count(), ApprovalRequest.objects.values().get(pk=asked.pk)) == before


HOSTILE = [
    "<script>alert(1)</script>",
    "{{ 7|add:7 }}{% debug %}",
    "\x1b[2K\x1b[1Aecho safe",
    "[click](https://evil.example)",
    "<svg onload=alert(1)>",
    "ls \u202egpj.exe",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_the_agent_sends_is_only_ever_text(organisation: Organisation, token: str, hostile: str) -> None:
    """R51, R52, R55, B57, B77: markup, templates, escapes and bidi are shown, marked, and never obeyed."""
    asked = opened(token, f"gh pr merge 7 --body '{hostile}'", initiator=hostile.replace("\x1b", ""))
    page = browser_of(organisation.approver).get(f"/approvals/{asked.label}/")
    body = page.content.decode()
    assert "<script>alert" not in body
    assert "<svg onload" not in body
    assert "\x1b" not in re.sub(r'data-copy="[^"]*"', "", body)
    shown = re.sub(r'data-copy="[^"]*"', "", body)
    assert "\u202e" not in shown
    if "\x1b" in hostile or "\u202e" in hostile:
        assert "Something in it hides" in body
    if "{{" in hostile:
        assert "{{ 7|add:7 }}" in text_of(page)


def test_the_last_character_of_a_long_command_is_on_the_page(organisation: Organisation, token: str) -> None:
    """R53: nothing is cut and nothing folds; what is decided is on the page to its end."""
    command = "gh pr merge 7 --body '" + "a b " * 30_000 + "' && rm -rf the-dangerous-tail"
    asked = opened(token, command)
    page = browser_of(organisation.approver).get(f"/approvals/{asked.label}/")
    assert command in text_of(page)
    assert "Approve" in text_of(page)


def test_a_verdict_by_form(organisation: Organisation, token: str) -> None:
    """Recorded with how the person signed in and how long the page stood open."""
    asked = opened(token)
    client = Client()
    sign_in(client, organisation.approver)
    page = client.get(f"/approvals/{asked.label}/").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(view_hash|shown_at)" value="([^"]*)"', page))
    answer = decide(client, asked, {**hidden, "verdict": "approve", "reason": "I read it."})
    assert (answer.status_code, answer["Location"]) == (302, f"/approvals/{asked.label}/")
    data = Entry.objects.get(type="approvals.review.given").body["data"]
    assert data["shown_seconds"] in {0, 1, 2, 3}
    assert data["sign_in"][0].startswith("password@")
    assert f"{asked.label} is approved." in text_of(client.get(answer["Location"]))


@pytest.mark.parametrize("stamp", ["", "forged", "AR-1:1:x"])
def test_a_forged_stamp_is_no_time(organisation: Organisation, token: str, stamp: str) -> None:
    """R57: how long the page was open is known only from our own stamp."""
    asked = opened(token)
    assert decide(browser_of(organisation.approver), asked, form_of(asked, shown_at=stamp)).status_code == 302
    assert Entry.objects.get(type="approvals.review.given").body["data"]["shown_seconds"] is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"reason": ""}, 422),
        ({"reason": "a\0bc"}, 422),
        ({"verdict": "maybe"}, 422),
        ({"view_hash": "0" * 64}, 409),
        ({"view_hash": "nonsense"}, 409),
        ({"view_hash": ""}, 409),
    ],
    ids=str,
)
def test_a_form_that_is_refused_keeps_what_was_typed(
    organisation: Organisation, token: str, change: dict[str, str], status: int
) -> None:
    """R50, B08: the page again, with the reason in it, and nothing recorded."""
    asked = opened(token)
    answer = decide(browser_of(organisation.approver), asked, form_of(asked, **change))
    assert answer.status_code == status
    if "reason" not in change:
        assert "I read it." in text_of(answer)
    assert bytes(asked.view_hash).hex() in answer.content.decode()
    assert Review.objects.count() == 0


def test_a_refusal_stands_in_place_of_the_buttons(organisation: Organisation, token: str) -> None:
    """R01, R15: the same rule before the click and below it."""
    asked = opened(token, initiator="approver@example.test")
    for person, words in (
        (organisation.approver, "You started the work"),
        (organisation.manager, "You issued the credential"),
        (organisation.auditor, "You are not an approver"),
    ):
        client = browser_of(person)
        page = client.get(f"/approvals/{asked.label}/")
        assert words in text_of(page)
        assert 'value="approve"' not in page.content.decode()
        answer = decide(client, asked, form_of(asked))
        assert answer.status_code == 403
        assert words in text_of(answer)
    assert decide(browser_of(organisation.outsider), asked, form_of(asked)).status_code == 404


def test_a_stop_takes_the_buttons_away(organisation: Organisation, agent: Agent, token: str) -> None:
    """R74: the page says so at once, and the form answers 409 with the difference."""
    asked = opened(token)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="Stop it now.")
    client = browser_of(organisation.approver)
    page = client.get(f"/approvals/{asked.label}/")
    assert 'value="approve"' not in page.content.decode()
    assert "The agent was stopped." in text_of(page)
    answer = decide(client, asked, form_of(asked))
    assert answer.status_code == 409
    assert "stopped" in text_of(answer)


def test_what_cannot_be_undone_asks_who_is_there(organisation: Organisation, token: str) -> None:
    """R65: a session that is not fresh goes to confirm first; a denial goes through."""
    asked = opened(token, "git push --force origin feature/tidy")
    client = browser_of(organisation.approver)
    assert "cannot be undone" in text_of(client.get(f"/approvals/{asked.label}/"))
    answer = decide(client, asked, form_of(asked))
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert Review.objects.count() == 0
    assert decide(client, asked, form_of(asked, verdict="deny"))["Location"] == f"/approvals/{asked.label}/"
    fresh = Client()
    sign_in(fresh, organisation.second_approver)
    again = opened(token, "git push --force origin feature/tidy", session_id="session-2")
    assert decide(fresh, again, form_of(again))["Location"] == f"/approvals/{again.label}/"


def test_cross_site_and_framed(organisation: Organisation, token: str) -> None:
    """R60, R63: no CSRF token, no verdict; and no page may be framed."""
    asked = opened(token)
    client = Client(enforce_csrf_checks=True)
    client.force_login(organisation.approver)
    assert decide(client, asked, form_of(asked)).status_code == 403
    body = '{"verdict":"approve"}'
    for kind in ("application/json", "text/plain"):
        assert client.post(f"/approvals/{asked.label}/review/", body, content_type=kind).status_code == 403
    page = client.get(f"/approvals/{asked.label}/")
    assert page["X-Frame-Options"] == "DENY"
    assert page["Cache-Control"] == "no-store"
    assert Review.objects.count() == 0


def test_the_panel_answers_in_place_and_tells_the_page(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    answer = decide(browser_of(organisation.approver), asked, form_of(asked), **HTMX)
    assert (answer.status_code, answer["HX-Trigger"]) == (200, "bailiwick:decided")
    assert "<html" not in answer.content.decode()


def test_the_list_says_when_nothing_has_changed(organisation: Organisation, token: str) -> None:
    """204 for the version the reader has; another as soon as a request, a review or a state is new."""
    client = browser_of(organisation.approver)

    def version() -> str:
        found = re.search(r'data-version="(\w+)"', client.get("/approvals/list/?show=pending").content.decode())
        assert found
        return found[1]

    seen = [version()]
    asked = opened(token)
    seen.append(version())
    assert client.get(f"/approvals/list/?show=pending&v={seen[-1]}").status_code == 204
    review(asked, organisation.second_approver)
    seen.append(version())
    assert seen[0] != seen[1]
    assert seen[2] == seen[0]
    assert client.get(f"/approvals/{asked.label}/news/?v=old").status_code == 200


@pytest.mark.parametrize(
    "query", ["?show=nonsense", "?agent=nobody", "?open=x", "?open=99999999999", "?q=%00", "?group=on"]
)
def test_an_address_typed_by_hand_shows_a_list(organisation: Organisation, token: str, query: str) -> None:
    opened(token)
    assert browser_of(organisation.approver).get(f"/approvals/{query}").status_code == 200


def test_a_made_up_cursor_is_refused(organisation: Organisation, token: str) -> None:
    assert browser_of(organisation.approver).get("/approvals/?cursor=abc").status_code == 400


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


PINS = {
    "?show=pending": 28,
    "list/?show=pending": 11,
    "list/": 10,
    "badge/": 10,
    "home/": 13,
    "of/payments-refactorer/": 12,
    "AR-1/": 23,
    "AR-1/news/": 11,
}


def test_fifty_waiting_cost_as_much_as_one(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of queries is pinned a page and does not grow with the list."""
    monkeypatch.setattr(pulse, "SECONDS", 3600)  # asked for once a process and half second, so for none of these
    client = browser_of(organisation.approver)
    other = credential_for(organisation, active_agent(organisation, "Second Refactorer"))
    opened(token)
    one = {path: queries_of(client, f"/approvals/{path}") for path in PINS}
    for number in range(49):
        opened((token, other)[number % 2], session_id=f"more-{number}")
    fifty = {path: queries_of(client, f"/approvals/{path}") for path in PINS}
    # The home page asks for the exact count only when there are more than it shows.
    assert {**fifty, "home/": 0} == {**one, "home/": 0}
    assert fifty == PINS


def test_trying_an_action_records_nothing(organisation: Organisation, agent: Agent) -> None:
    """Of an active agent and of a draft; classified and judged, never asked."""
    draft = draft_agent(organisation, "Not Yet")
    before = Entry.objects.count()
    client = browser_of(organisation.member)
    for slug in (agent.slug, draft.slug):
        for text, words in (
            ("git status", "Allowed"),
            ("gh pr merge 7", "Sent for review"),
            ("cat .env", "Denied"),
        ):
            body = {"tool": "Bash", "text": text, "repository": "acme/payments"}
            answer = client.post(f"/approvals/try/{slug}/", body, headers=HTMX)
            assert answer.status_code == 200
            assert words in text_of(answer), text
    assert client.post(f"/approvals/try/{agent.slug}/", {"tool": "Bash", "text": "a\0"}).status_code == 422
    assert (Entry.objects.count(), ApprovalRequest.objects.count()) == (before, 0)


def test_sparklines_only_of_what_may_be_seen(organisation: Organisation, agent: Agent, token: str) -> None:
    """B45, B46: ids of others are not there; nonsense is a 400; one query however many."""
    other = active_agent(organisation, "Other Refactorer")
    ask(token, "git status")
    address = f"/approvals/sparklines/?agents={agent.pk},{other.pk}"
    assert f'id="spark-{agent.pk}"' in browser_of(organisation.member).get(address).content.decode()
    assert b"spark-" not in browser_of(organisation.outsider).get(address).content
    assert browser_of(organisation.member).get("/approvals/sparklines/?agents=x").status_code == 400


def test_stop_counts(organisation: Organisation, agent: Agent, token: str) -> None:
    opened(token)
    review(opened(token, session_id="session-2"), organisation.approver, Verdict.APPROVE)
    client = browser_of(organisation.manager)
    for key in ("all", f"team:{agent.owner_team_id}", f"agent:{agent.pk}"):
        text = " ".join(text_of(client.get(f"/approvals/stop-counts/?key={key}")).split())
        assert text == "1 pending request and 1 open grant: voided"
    assert "No request waits" in text_of(browser_of(organisation.outsider).get("/approvals/stop-counts/?key=all"))
    assert client.get("/approvals/stop-counts/?key=x").status_code == 400


def test_taking_it_back(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    assert browser_of(organisation.approver).post(f"/approvals/{asked.label}/withdraw/").status_code == 403
    answer = browser_of(organisation.second_manager).post(f"/approvals/{asked.label}/withdraw/")
    assert answer.status_code == 302
    asked.refresh_from_db()
    assert asked.state == RequestState.WITHDRAWN
