"""Approvers who are worn out, against hostile cases R56 to R59.

The portal cannot make people read. It keeps an agent from asking more than can be read, records honestly how long a
page was looked at, says by team where approvals are quick or never refused, and now and then asks what ought to be
denied.
"""

import re
from functools import partial
from typing import Any

import orjson
import psycopg
import pytest
from django.test import Client
from django.urls import reverse

from approvals.jobs.canaries import follow_requests
from approvals.jobs.sweep import end_overtaken
from approvals.models import ApprovalRequest, Canary, CoolDown, Grant
from approvals.rules.authorize import Outcome
from approvals.rules.canary import TEMPLATES, CanaryOutcome
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.oversight import Period, oversight_for, people_for
from approvals.selectors.risk import scored
from approvals.services.canaries import plant
from approvals.services.edit import edit
from approvals.services.request import withdraw
from approvals.services.review import Shown, add_review
from portal.identity.models import Person
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.approvals.asking import ask, entries, opened, review
from tests.approvals.exceptional import planted_like
from tests.approvals.rulebooks import in_force
from tests.organisation import Organisation, credential_for
from tests.red_team.racing import Race
from tests.red_team.trials import raced
from tests.sign_in import sign_in

MOST = 40
Super = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def merge(number: int) -> str:
    return f"gh pr merge {number} --squash"


def decided_by(person: Person, token: str, number: int, verdict: Verdict = Verdict.APPROVE, **shown: object) -> None:
    """One request decided by the person, with what is known of how they looked."""
    request = opened(token, merge(number), session_id=f"session-{number}")
    add_review(
        actor=person,
        request=request,
        verdict=verdict,
        reason="I have read all of it, every line.",
        view_hash=bytes(request.view_hash),
        shown=Shown(**shown) if shown else None,  # type: ignore[arg-type]  # seconds, visible_seconds, unfolded
    )


def browser(person: Person) -> Client:
    client = Client()
    sign_in(client, person)
    return client


def month() -> Period:
    return Period(30, database_now())


# -- R56: a flood of requests ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestR56:
    def test_r56_a_hundred_requests_in_ten_minutes_are_capped_and_cool_down(self, token: str, agent: Agent) -> None:
        answers = [ask(token, merge(number)) for number in range(1, 101)]
        assert [answer.decision.outcome for answer in answers] == [Outcome.REVIEW] * MOST + [Outcome.DENY] * 60
        assert {answer.decision.rules[0].id for answer in answers[MOST:]} == {"requests.cool-down"}
        assert ApprovalRequest.objects.count() == MOST
        assert "Ask again after" in answers[-1].decision.sentence
        assert entries("agent.cooled_down") == 1
        # What waits already may be asked about, and what is free goes on.
        assert ask(token, merge(1)).request == answers[0].request
        assert ask(token, "git status").decision.outcome is Outcome.ALLOW

    def test_r56_after_the_pause_it_may_ask_again(self, token: str, agent: Agent) -> None:
        for number in range(MOST + 1):
            ask(token, merge(number))
        CoolDown.objects.update(until=database_now())
        assert ask(token, merge(99)).decision.outcome is Outcome.DENY  # forty in ten minutes still
        CoolDown.objects.update(until=database_now())
        ApprovalRequest.objects.update(opened_at="2026-01-01T00:00:00Z")
        assert ask(token, merge(99)).decision.outcome is Outcome.REVIEW

    @raced(50)
    def test_r56_requests_at_once_do_not_pass_the_cap(
        self, token: str, agent: Agent, super_connection: psycopg.Connection[tuple[object, ...]], race: Race
    ) -> None:
        before = [opened(token, merge(number)).number for number in range(MOST - 2)]
        for trial in race:
            results = race.at_once([partial(ask, token, merge(100 + number)) for number in range(8)])
            assert not [result for result in results if isinstance(result, Exception)]
            assert ApprovalRequest.objects.count() == len(before) + 2 * (trial + 1)
            passed = [place for place, one in enumerate(results) if getattr(one, "request", None) is not None]
            race.saw(f"{len(passed)} passed")
            # As before the race: two short of the cap, and nobody told to pause.
            super_connection.execute(
                "UPDATE approvals_approvalrequest SET opened_at = clock_timestamp() WHERE number = ANY(%s)", [before]
            )
            super_connection.execute(
                "UPDATE approvals_approvalrequest SET state = 'withdrawn', opened_at = opened_at - interval '1 hour'"
                " WHERE NOT number = ANY(%s)",
                [before],
            )
            super_connection.execute("DELETE FROM approvals_cooldown")

    def test_r56_like_requests_have_one_key(self, token: str, agent: Agent) -> None:
        keys = {opened(token, merge(number)).precedent for number in range(7, 10)}
        assert len(keys) == 1
        assert opened(token, "git push --force origin feature/tidy").precedent not in keys


# -- R57, R58: approving out of habit --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestR57:
    def test_r57_an_approval_faster_than_reading_is_flagged_and_reported(
        self, organisation: Organisation, token: str
    ) -> None:
        decided_by(organisation.approver, token, 1, seconds=90, visible_seconds=4, unfolded=True)
        decided_by(organisation.approver, token, 2, seconds=3)
        decided_by(organisation.approver, token, 3, seconds=90, visible_seconds=60, unfolded=False)
        decided_by(organisation.second_approver, token, 4)
        decided_by(organisation.second_approver, token, 5, Verdict.DENY, seconds=1)
        (row,) = oversight_for(organisation.manager, month())
        looked = row.findings.looked
        assert (looked.decisions, looked.approved, looked.quick, looked.measured) == (5, 4, 2, 3)
        assert (looked.unexpanded, looked.folds_known, looked.unmeasured) == (1, 2, 1)
        assert "Approved in less than 5 seconds: 2 of 4." in row.findings.flags(5)
        page = browser(organisation.manager).get(reverse("approvals:oversight")).content.decode()
        assert "Approved in less than 5 seconds: 2 of 4." in page
        assert organisation.approver.name not in page

    def test_r57_time_on_view_is_what_is_known_and_nothing_is_made_up(
        self, organisation: Organisation, token: str
    ) -> None:
        decided_by(organisation.approver, token, 1)
        (row,) = oversight_for(organisation.security, month())
        assert (row.findings.looked.quick, row.findings.looked.measured) == (0, 0)
        data = Entry.objects.get(type="approvals.review.given").body["data"]
        assert (data["shown_seconds"], data["visible_seconds"], data["unfolded"]) == (None, None, None)


@pytest.mark.django_db(transaction=True)
class TestR58:
    @pytest.fixture
    def habit(self, organisation: Organisation, token: str) -> None:
        """Fifty approvals by one approver, and one denial among fifty-one decisions of the other."""
        for number in range(50):
            decided_by(organisation.approver, token, number)
            CoolDown.objects.all().delete()
            ApprovalRequest.objects.update(opened_at="2026-01-01T00:00:00Z")

    def test_r58_who_approves_more_than_98_in_100_of_50_is_flagged(
        self, organisation: Organisation, token: str, habit: None
    ) -> None:
        (team,) = oversight_for(organisation.manager, month())
        assert team.findings.never_say_no == 1
        (person,) = people_for(organisation.security, month())
        assert (person.person, person.findings.looked.never_says_no) == (organisation.approver, True)
        decided_by(organisation.approver, token, 99, Verdict.DENY)
        (team,) = oversight_for(organisation.manager, month())
        assert (team.findings.looked.rate, team.findings.never_say_no) == (98, 1)
        decided_by(organisation.approver, token, 98, Verdict.DENY)
        assert oversight_for(organisation.manager, month())[0].findings.never_say_no == 0

    def test_r58_people_are_named_to_security_and_themselves_alone(
        self, organisation: Organisation, token: str, habit: None
    ) -> None:
        for person, names in (
            (organisation.security, True),
            (organisation.manager, False),
            (organisation.auditor, False),
            (organisation.second_approver, False),
        ):
            page = browser(person).get(reverse("approvals:oversight")).content.decode()
            assert (organisation.approver.name in page) is names
        said = browser(organisation.approver).get("/api/v1/oversight").json()
        assert said["teams"] == []
        assert [row["person"]["id"] for row in said["people"]] == [str(organisation.approver.pk)]
        assert people_for(organisation.second_approver, month()) == []


# -- R59: canaries ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestR59:
    def test_r59_a_canary_looks_like_work_and_its_entry_says_what_it_is(
        self, organisation: Organisation, token: str
    ) -> None:
        real = opened(token)
        canary = planted_like(real)
        assert (canary.state, canary.canary, canary.repository) == (RequestState.PENDING.value, True, real.repository)
        entry = Entry.objects.filter(type="approvals.request.opened").latest("id")
        assert (entry.body["data"]["canary"], entry.run_id, entry.actor_kind) == (True, None, "system")
        page = browser(organisation.approver).get(reverse("approvals:request", args=[canary.number]))
        assert "canary" not in page.content.decode().lower()
        assert browser(organisation.security).get(f"/approvals/AR-{canary.number}/canary/").status_code == 404

    def test_r59_no_count_beside_the_list_tells_a_canary_that_waits(
        self, organisation: Organisation, token: str
    ) -> None:
        real = opened(token)
        canary = planted_like(real)
        page = browser(organisation.approver).get(f"/approvals/stop-counts/?key=agent:{real.agent_id}")
        assert "2 pending requests" in page.content.decode()
        assert {one.number for one in scored(organisation.security)} == {real.number, canary.number}
        review(canary, organisation.approver, Verdict.DENY)
        assert [one.number for one in scored(organisation.security)] == [real.number]

    def test_r59_it_states_all_that_the_real_one_stated(self, organisation: Organisation, token: str) -> None:
        """What an agent always states and a canary lacked would tell it at a glance."""
        around: dict[str, Any] = {
            "head": "a" * 40,
            "diff": "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n",
            "prompt_author": "somebody@example.test",
            "co_authors": ("another@example.test",),
            "model": "claude-opus-4-1",
            "provider": "anthropic",
            "files": 1,
            "lines": 2,
            "initiator": "member@example.test",
            "environment": "test",
        }
        real = opened(token, **around)
        canary = planted_like(real)
        views = [orjson.loads(bytes(one.view)) for one in (real, canary)]
        for part in ("around", "stated", "target", "people", "asks", "initiator", "authority", "head", "diff"):
            assert views[0][part] == views[1][part], part
        assert views[0].keys() == views[1].keys()
        assert views[0]["action"].keys() == views[1]["action"].keys()
        names = (
            "run_id",
            "session_id",
            "initiator_id",
            "initiator_label",
            "credential_id",
            "epoch",
            "head",
        )
        assert [getattr(real, name) for name in names] == [getattr(canary, name) for name in names]

    def test_r59_page_api_and_lists_have_the_same_parts_for_both(self, organisation: Organisation, token: str) -> None:
        """Each place where an approver meets requests says of a canary what it says of any other."""
        real = opened(token)
        canary = planted_like(real)
        client = browser(organisation.approver)
        answers = [client.get(f"/api/v1/requests/{one.label}") for one in (real, canary)]
        assert answers[0].json().keys() == answers[1].json().keys()
        assert answers[0].headers.keys() == answers[1].headers.keys()
        pages = [client.get(f"/approvals/{one.label}/") for one in (real, canary)]
        assert pages[0].headers.keys() == pages[1].headers.keys()
        parts = [re.findall(r"<(?:h[1-6]|dt)[^>]*>([^<]*)", page.content.decode()) for page in pages]
        assert parts[0][1:] == parts[1][1:]  # but for the title, which names the action
        for place in ("/approvals/", "/approvals/home/", f"/approvals/of/{real.agent.slug}/"):
            shown = client.get(place).content.decode()
            assert (real.label in shown, canary.label in shown) == (True, True), place
        assert "2" in re.findall(r">\s*(\d+)\s*<", client.get("/approvals/badge/").content.decode())
        kept = client.get(f"/approvals/{canary.label}/edit/")
        assert (kept.status_code, kept.status_code) == (200, client.get(f"/approvals/{real.label}/edit/").status_code)

    def test_r59_approving_one_grants_nothing_reaches_no_agent_and_is_told(
        self, organisation: Organisation, token: str
    ) -> None:
        canary = planted_like(opened(token))
        settled = review(canary, organisation.approver)
        assert settled.state == RequestState.VOIDED.value
        ended = Entry.objects.get(type="approvals.request.resolved")
        assert ended.run_id is None, "the story of the run whose request it was made like does not tell of it"
        assert not Grant.objects.exists()
        assert Canary.objects.get().outcome == CanaryOutcome.MISSED.value
        command = canary.arguments["command"]
        assert ask(token, command).decision.outcome is not Outcome.ALLOW
        asked = Client().get(f"/api/v1/agent/requests/AR-{canary.number}", headers={"authorization": f"Bearer {token}"})
        assert asked.status_code == 404
        page = browser(organisation.approver).get(reverse("approvals:canary", args=[canary.number]))
        assert TEMPLATES[Canary.objects.get().template].gave_away in page.content.decode().replace("&#x27;", "'")

    @pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.CHANGES])
    def test_r59_denying_or_sending_one_back_catches_it(
        self, organisation: Organisation, token: str, verdict: Verdict
    ) -> None:
        settled = review(planted_like(opened(token)), organisation.approver, verdict)
        assert settled.state in (RequestState.DENIED.value, RequestState.RETURNED.value)
        assert Canary.objects.get().outcome == CanaryOutcome.CAUGHT.value
        assert entries("canary.settled") == 1

    def test_r59_editing_one_catches_it_and_asks_for_nothing(self, organisation: Organisation, token: str) -> None:
        canary = planted_like(opened(token))
        before = ApprovalRequest.objects.count()
        edit(
            actor=organisation.approver,
            request=canary,
            tool_input={"command": "pip install requests==2.32.3"},
            reason="The name of the package was wrong.",
            view_hash=bytes(canary.view_hash),
        )
        assert ApprovalRequest.objects.count() == before
        assert not Grant.objects.exists()
        assert Canary.objects.get().outcome == CanaryOutcome.CAUGHT.value

    def test_r59_one_that_nobody_decides_has_lapsed(self, organisation: Organisation, token: str) -> None:
        canary = planted_like(opened(token))
        withdraw(actor=organisation.manager, request=canary)
        assert Canary.objects.get().outcome == CanaryOutcome.LAPSED.value
        assert entries("canary.settled") == 1

    @pytest.mark.parametrize("world", ["rulebook", "stop", "time"])
    def test_r59_one_that_the_world_ends_has_lapsed_too(
        self, organisation: Organisation, agent: Agent, token: str, super_connection: Super, world: str
    ) -> None:
        """Whatever ends it says in the same transaction that nobody decided: oversight counts each canary."""
        canary = planted_like(opened(token))
        if world == "rulebook":
            members = [str(organisation.second_approver.pk)]
            stage = {"name": "Lawyers", "groups": ["group:lawyers"], "quorum": 1}
            rule = {"id": "lawyers", "name": "Lawyers", "on": True, "when": {}, "stages": [stage]}
            groups = {"lawyers": {"name": "Lawyers", "members": members}}
            in_force(organisation, {"groups": groups, "rules": [rule]})
        elif world == "stop":
            order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
        else:
            super_connection.execute("UPDATE approvals_approvalrequest SET expires_at = now() - interval '1 second'")
        end_overtaken()
        canary.refresh_from_db()
        assert canary.state in {RequestState.VOIDED.value, RequestState.EXPIRED.value}
        settled = Canary.objects.get()
        assert (settled.outcome, settled.settled_at) == (CanaryOutcome.LAPSED.value, canary.resolved_at)
        assert entries("canary.settled") == 1
        (row,) = oversight_for(organisation.manager, month())
        canaries = row.findings.canaries
        assert (canaries.caught, canaries.missed, canaries.lapsed) == (0, 0, 1)

    def test_r59_the_rate_of_the_rulebook_plants_them_one_at_a_time(
        self, organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("approvals.jobs.canaries.secrets.randbelow", lambda _: 0)
        opened(token)
        found = list(Entry.objects.filter(type="approvals.request.opened"))
        follow_requests(found)
        assert not Canary.objects.exists()
        in_force(organisation, {"canaries": {"per_hundred": 20}})
        follow_requests(list(Entry.objects.filter(type="approvals.request.opened")) * 3)
        assert Canary.objects.count() <= 1
        opened(token, session_id="session-2")
        follow_requests(list(Entry.objects.filter(type="approvals.request.opened")) * 3)
        assert Canary.objects.count() == 1

    def test_r59_what_was_caught_is_measured_by_team_and_counts_in_no_business(
        self, organisation: Organisation, token: str
    ) -> None:
        review(planted_like(opened(token)), organisation.approver)
        review(planted_like(opened(token, session_id="session-2")), organisation.second_approver, Verdict.DENY)
        (row,) = oversight_for(organisation.manager, month())
        canaries = row.findings.canaries
        assert (canaries.caught, canaries.missed, canaries.rate) == (1, 1, 50)
        assert row.findings.looked.decisions == 0
        own = people_for(organisation.approver, month())
        assert [one.findings.canaries.missed for one in own] == [1]

    def test_r59_no_canary_is_planted_for_an_agent_that_is_stopped(
        self, organisation: Organisation, token: str, agent: Agent
    ) -> None:
        real = opened(token)
        order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
        assert plant(like=real) is None

    @pytest.mark.parametrize("key", sorted(TEMPLATES))
    def test_r59_every_template_is_gated_under_the_tight_policy(self, token: str, key: str) -> None:
        assert plant(like=opened(token), templates=[TEMPLATES[key]]) is not None
