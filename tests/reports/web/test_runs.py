"""Pages of runs: who sees them, filters, export, the story with its gaps, erased values."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest
from approvals.rules.workflow import Verdict
from approvals.services.check import Call, decide
from approvals.services.review import add_review
from portal.ledger.services.follow import follow
from portal.ledger.services.seal import seal
from portal.ledger.signing import load_signer
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from reports.jobs.project_runs import CHECK, project
from reports.models import Run, SourceCount
from tests.organisation import Organisation, active_agent, credential_for
from tests.reports.synthetic_runs import START, a_run, report, step
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def get(person: Any, path: str, status: int = 200) -> str:
    client = Client()
    sign_in(client, person)
    response: Any = client.get(path)
    assert response.status_code == status, response.content[:500]
    streamed = getattr(response, "streaming_content", None)
    return (b"".join(streamed) if streamed else response.content).decode()


def test_people_see_the_runs_of_their_agents_only(organisation: Organisation, agent: Agent) -> None:
    run = a_run(agent, "only-payments")
    for name, person in organisation.people.items():
        sees = name not in {"outsider", "operator"}
        assert ("only-payments" in get(person, "/runs/")) is sees, name
        assert ("only-payments" in get(person, "/runs/export.csv")) is sees, name
        get(person, f"/runs/{run.pk}/", 200 if sees else 404)
        get(person, "/runs/of/payments-refactorer/", 200 if sees else 404)


def test_filters_live_in_the_address(organisation: Organisation, agent: Agent) -> None:
    a_run(
        agent,
        "one-aaaa",
        repository="acme/payments",
        branch="agent/x",
        model="m-1",
        initiator="ada@example.test",
        denied=1,
    )
    earlier = START - timedelta(days=9)
    a_run(agent, "two-bbbb", repository="acme/web", gated=2, started_at=earlier, last_event_at=earlier)
    other = active_agent(organisation, "Other One")
    a_run(other, "three-cccc")
    found = {
        "repository=payments": {"one"},
        "branch=agent": {"one"},
        "model=m-1": {"one"},
        "q=ADA": {"one"},
        "outcome=denied": {"one"},
        "outcome=gated": {"two"},
        "agent=other-one": {"three"},
        "team=payments": {"one", "two", "three"},
        "session=two-bbbb": {"two"},
        "since=2026-11-20": {"one", "three"},
        "until=2026-11-19": {"two"},
        "since=nonsense&agent=stranger": {"one", "two", "three"},
        "q=%00": {"one", "two", "three"},
    }
    for query, names in found.items():
        page, export = (
            get(organisation.auditor, f"/runs/?{query}"),
            get(organisation.auditor, f"/runs/export.csv?{query}"),
        )
        for name in ("one", "two", "three"):
            assert (f">{name}-" in page, f"{name}-" in export) == (name in names, name in names), (query, name)


def test_the_list_has_kind_empty_states(organisation: Organisation, agent: Agent) -> None:
    assert "No runs yet" in get(organisation.manager, "/runs/")
    a_run(agent)
    assert "No run matches" in get(organisation.manager, "/runs/?repository=nothing")


def test_the_list_pages_by_cursor(organisation: Organisation, agent: Agent) -> None:
    for number in range(51):
        a_run(agent, f"n{number:03}", last_event_at=START + timedelta(minutes=number))
    first = get(organisation.manager, "/runs/")
    assert "n050" in first
    assert "n000" not in first
    following = first.partition('rel="next" href="')[2].partition('"')[0]
    assert "n000" in get(organisation.manager, "/runs/" + following.replace("&amp;", "&"))
    get(organisation.manager, "/runs/?cursor=forged", 400)


def test_an_export_runs_no_formula(organisation: Organisation, agent: Agent) -> None:
    a_run(agent, "s", branch='=HYPERLINK("http://x","y")', initiator="@SUM(A1)", repository='a"b,c')
    (row,) = csv.DictReader(io.StringIO(get(organisation.manager, "/runs/export.csv")))
    assert row["branch"] == '\'=HYPERLINK("http://x","y")'
    assert row["initiator"] == "'@SUM(A1)"
    assert row["repository"] == 'a"b,c'


def test_the_story_shows_events_silences_and_holes(organisation: Organisation, agent: Agent) -> None:
    run = report(
        agent,
        step(0, 0, "user_prompt", content={"prompt": "Fix <b>it</b>"}),
        step(1, 1, tool="Bash", content={"tool_input": {"command": "rm \u202egpj.exe"}, "tool_output": "done"}),
        step(5, 42, facts={"success": True}),
    )
    page = get(organisation.member, f"/runs/{run.pk}/")
    assert "Fix &lt;b&gt;it&lt;/b&gt;" in page
    assert "U+202E" in page
    assert "Nothing was seen for 41 min" in page
    assert "3 events are missing" in page
    assert "numbers 2 to 4" in page
    assert page.count("self-reported by the agent&#x27;s machine") >= 3
    assert "Not sealed yet" in page


def test_numbers_out_of_order_are_no_hole(organisation: Organisation, agent: Agent) -> None:
    run = report(agent, step(2, 0), step(0, 1), step(1, 2))
    assert "missing" not in get(organisation.member, f"/runs/{run.pk}/")


def test_checks_reviews_and_stops_stand_in_one_story(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    here: dict[str, Any] = {
        "cwd": "/srv/payments",
        "repository": "acme/payments",
        "branch": "agent/x",
        "session_id": "s-1",
    }
    decide(token=token, call=Call(tool="Bash", tool_input={"command": "git push --force"}, initiator="eli", **here))
    request = ApprovalRequest.objects.get()
    add_review(
        actor=organisation.approver,
        request=request,
        verdict=Verdict.DENY,
        reason="Not to a shared branch.",
        view_hash=bytes(request.view_hash),
    )
    order_kill(actor=organisation.security, kind=ScopeKind.TEAM, scope_id=organisation.payments.pk, reason="Enough.")
    order_kill(actor=organisation.security, kind=ScopeKind.TEAM, scope_id=organisation.platform.pk, reason="Elsewhere.")
    decide(token=token, call=Call(tool="Read", tool_input={"file_path": "a.py"}, **here))
    seal(signer=load_signer("log"))
    while follow("runs", types={CHECK}, handle=project):
        continue
    run = Run.objects.get()
    page = get(organisation.manager, f"/runs/{run.pk}/")
    for words in (
        "git push --force",
        "Sent for review",
        f"Approval request {request.label} opened",
        f"Cleo Approver denied {request.label}",
        "Not to a shared branch.",
        "decided by an authenticated person",
        "Fay Security stopped team Payments",
        "Enough.",
        "seen by the portal",
        "in the log",
    ):
        assert words in page, words
    assert "Elsewhere." not in page


def test_erased_values_are_said_to_be_erased(
    organisation: Organisation, agent: Agent, erase: Callable[[str], None]
) -> None:
    run = report(agent, step(0, 0, content={"prompt": "a secret"}))
    assert "a secret" in get(organisation.manager, f"/runs/{run.pk}/")
    erase(f"run:{run.pk}")
    page = get(organisation.manager, f"/runs/{run.pk}/")
    assert "a secret" not in page
    assert "Personal values erased" in page


def test_a_long_story_is_paged_and_a_silence_between_pages_is_seen(organisation: Organisation, agent: Agent) -> None:
    steps = [step(number, number / 60) for number in range(200)]
    run = report(agent, *steps, step(200, 60))
    first = get(organisation.manager, f"/runs/{run.pk}/")
    assert "Nothing was seen" not in first
    following = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "Nothing was seen for 56 min" in get(organisation.manager, f"/runs/{run.pk}/{following}")


def test_a_page_of_the_story_costs_the_same_however_many_items(organisation: Organisation, agent: Agent) -> None:
    client = Client()
    client.force_login(organisation.auditor)
    costs = []
    for session, count in (("few", 3), ("many", 150)):
        run = report(agent, *(step(number, 0, session=session, content={"prompt": "x"}) for number in range(count)))
        client.get(f"/runs/{run.pk}/")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"/runs/{run.pk}/")
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_the_home_fragment_names_only_what_one_may_see(organisation: Organisation, agent: Agent) -> None:
    SourceCount.objects.create(agent=agent, source="otlp", received=9, recorded=6, rejected=3, last_at=START)
    assert "none signed yet" in get(organisation.outsider, "/runs/evidence/")
    seal(signer=load_signer("log"))
    mine, theirs = get(organisation.manager, "/runs/evidence/"), get(organisation.outsider, "/runs/evidence/")
    assert "3 of 9" in mine
    assert agent.name in mine
    assert agent.name not in theirs
    assert "ago" in theirs


def test_the_agents_fragment_lists_its_latest(organisation: Organisation, agent: Agent) -> None:
    assert "No runs yet" in get(organisation.manager, "/runs/of/payments-refactorer/")
    for number in range(9):
        a_run(agent, f"n{number}")
    assert "Every run of" in get(organisation.manager, "/runs/of/payments-refactorer/")


def test_the_api_gives_runs_and_their_entries_whole(organisation: Organisation, agent: Agent) -> None:
    run = report(agent, step(0, 0, content={"prompt": "x" * 5000}), step(1, 1))
    client = Client()
    client.force_login(organisation.auditor)
    listed = client.get("/api/v1/runs?agent=payments-refactorer").json()["results"]
    assert [item["id"] for item in listed] == [str(run.pk)]
    assert client.get("/api/v1/runs?outcome=denied").json()["results"] == []
    assert client.get("/api/v1/runs?since=nonsense").status_code == 400
    assert client.get(f"/api/v1/runs/{run.pk}").json()["events"] == 2
    told = client.get(f"/api/v1/runs/{run.pk}/entries?size=1").json()
    assert told["results"][0]["personal"]["content.prompt"] == "x" * 5000
    after = client.get(told["next"]).json()
    assert (after["results"][0]["counter"], after["next"]) == (1, None)
    client.force_login(organisation.outsider)
    assert client.get(f"/api/v1/runs/{run.pk}").status_code == 404
    assert client.get(f"/api/v1/runs/{run.pk}/entries").status_code == 404
    assert client.get("/api/v1/runs").json()["results"] == []
