"""The web channel and who may pass through it: R26 and R60 to R70, each at the edge that it speaks of.

Whatever is refused must leave no trace, so every case compares the governed rows before and after.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from django.test import Client

from approvals.jobs.deliver import deliver_due
from approvals.jobs.notify import notify
from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules import messages
from approvals.rules.authorize import Outcome
from approvals.rules.rulebook import StepUp
from approvals.rules.workflow import Verdict
from approvals.services.review import add_review
from portal.errors import PortalError
from portal.identity.models import Person
from portal.identity.proof import StepUpRequired
from portal.identity.services.tokens import issue_token
from portal.ledger.models import Entry
from registry.models import Agent
from tests import matrix
from tests.approvals.asking import ask, opened
from tests.organisation import PASSWORD, Organisation, active_agent, credential_for, policy_document
from tests.red_team.rows import governed
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
API_VERBS = ("reviews", "withdraw", "undo", "comments", "edits")
FORCE = "git push --force"  # cannot be undone, so approving it takes a fresh proof


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


@pytest.fixture
def asked(token: str) -> ApprovalRequest:
    return opened(token)


def browser(person: Person | None, **options: Any) -> Client:
    client = Client(raise_request_exception=False, **options)
    if person is not None:
        client.force_login(person)
    return client


def form(asked: ApprovalRequest, **change: str) -> dict[str, str]:
    return {"verdict": "approve", "reason": "I have read it.", "view_hash": bytes(asked.view_hash).hex(), **change}


# R26: tricks with names of a scope


LOOKALIKES = (
    "acme/payments/../vault", "acme/../acme/vault", "./acme/vault", "acme/payments%2f..%2fvault", "acme%2fpayments",
    "acme/pay\u200bments", "acme/p\u0430yments", "acme\uff0fpayments", "acme/payments\u2024git",
    "acme/payments/..", "acme/*", "*", "", "acme", "https://evil.example/acme/payments/x", "acme/payments#7",
)  # fmt: skip


def test_r26_a_name_that_only_looks_like_the_one_in_scope_is_not_in_scope(organisation: Organisation) -> None:
    token = credential_for(organisation, active_agent(organisation))
    assert ask(token, "git status").decision.outcome is Outcome.ALLOW
    for name in LOOKALIKES:
        assert _outcome(token, "git status", repository=name) is not Outcome.ALLOW, name


def test_r26_a_pattern_of_branches_is_no_way_to_another_branch(organisation: Organisation) -> None:
    policy = policy_document(branches_allowed=["feature/**", "release/*"], branches_protected=["main"])
    token = credential_for(organisation, active_agent(organisation, policy=policy))
    assert ask(token, "git push origin HEAD", branch="feature/ok").decision.outcome is Outcome.ALLOW
    for name in (
        "release/../main",
        "release\\..\\main",
        "REFS/HEADS/main",
        "feature/x/../../main",
        "feature/\u202emain",
    ):
        assert _outcome(token, "git push origin HEAD", branch=name) is not Outcome.ALLOW, name


def _outcome(token: str, command: str, **around: Any) -> Outcome | None:
    """What is answered; None when the question itself is refused."""
    try:
        return ask(token, command, **around).decision.outcome
    except PortalError:
        return None


def test_r26_a_path_is_where_it_leads_and_not_how_it_is_spelled(organisation: Organisation) -> None:
    token = credential_for(organisation, active_agent(organisation, policy=policy_document(paths_allowed=["src/**"])))
    for command in ("rm src/../../other/a.py", "cp a.py src/..//../b.py", "ln -s ../../vault src/v", "cat src/../../x"):
        assert ask(token, command).decision.outcome is Outcome.DENY, command


def test_r26_a_renamed_repository_is_held_to_its_id(organisation: Organisation) -> None:
    pinned = policy_document(repositories=["acme/payments#7"])
    token = credential_for(organisation, active_agent(organisation, policy=pinned))
    squatter = ask(token, "git status", repository="acme/payments", repository_id="8")
    assert squatter.decision.outcome is Outcome.DENY
    assert ask(token, "git status", repository="acme/renamed", repository_id="7").decision.outcome is Outcome.ALLOW


# R60: a decision from another site

KINDS = ("application/x-www-form-urlencoded", "text/plain", "application/json", "text/json")


def test_r60_no_form_of_another_site_decides(organisation: Organisation, asked: ApprovalRequest) -> None:
    client = browser(organisation.approver, enforce_csrf_checks=True)
    before = governed()
    evil = {"Origin": "https://evil.example"}
    for verb in ("review", "withdraw", "undo", "comment", "edit", "proof"):
        path = f"/approvals/{asked.label}/{verb}/"
        assert client.post(path, form(asked, text="x"), headers=evil).status_code == 403, verb
        for kind in KINDS:
            body = json.dumps(form(asked)) if "json" in kind else urlencode(form(asked))
            assert client.post(path, body, content_type=kind, headers=evil).status_code == 403, (verb, kind)
    assert governed() == before


def test_r60_nor_does_the_api_with_the_cookie_alone(organisation: Organisation, asked: ApprovalRequest) -> None:
    client = browser(organisation.approver, enforce_csrf_checks=True)
    before = governed()
    one = f"/api/v1/requests/{asked.label}"
    for path in (*(f"{one}/{verb}" for verb in API_VERBS), "/api/v1/requests/batch"):
        for kind in KINDS:
            answer = client.post(path, json.dumps(form(asked)), content_type=kind)
            assert answer.status_code == 403, (path, kind)
    assert governed() == before


def test_r60_a_method_cannot_be_overridden(organisation: Organisation, asked: ApprovalRequest) -> None:
    client = browser(organisation.approver, enforce_csrf_checks=True)
    before = governed()
    fields = {**form(asked), "_method": "POST"}
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        for path in (
            f"/approvals/{asked.label}/review/",
            f"/approvals/{asked.label}/withdraw/",
            f"/api/v1/requests/{asked.label}/reviews",
        ):
            assert client.get(path, fields, headers={header: "POST"}).status_code == 405, (path, header)
    assert governed() == before


def test_r60_the_page_itself_can_decide_so_the_refusals_above_are_of_the_token(
    organisation: Organisation, asked: ApprovalRequest
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(organisation.approver)
    page = client.get(f"/approvals/{asked.label}/").content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    body = {**form(asked), "csrfmiddlewaretoken": found[1]}
    assert client.post(f"/approvals/{asked.label}/review/", body).status_code == 302
    assert Review.objects.filter(request=asked).count() == 1


# R61, R62: whatever follows links

VISITORS: tuple[dict[str, str], ...] = (
    {},
    {"Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Sec-Fetch-Dest": "image"},
    {"HX-Request": "true"},
)


def test_r61_following_every_link_of_a_request_decides_nothing(
    organisation: Organisation, asked: ApprovalRequest
) -> None:
    client = browser(organisation.approver)
    page = client.get(f"/approvals/{asked.label}/").content.decode()
    links = {link for link in re.findall(r'(?:href|hx-get|action|formaction)="(/[^"]*)"', page) if asked.label in link}
    assert any("review" in link for link in links)
    before = governed()
    for link in sorted(links | {f"/approvals/{asked.label}/?verdict=approve"}):
        for headers in VISITORS:
            for method in ("get", "head", "options"):
                getattr(client, method)(link.replace("&amp;", "&"), headers=headers)
    assert governed() == before


def test_r61_every_link_of_a_mail_shows_and_decides_nothing(
    organisation: Organisation, asked: ApprovalRequest, mailoutbox: list[Any]
) -> None:
    """Fetched by a robot without a session, and by one in the receiver's own browser."""
    notify(list(Entry.objects.filter(type="approvals.request.opened")))
    assert deliver_due()
    links = {link for message in mailoutbox for link in re.findall(r"https?://[^\s\"<>]+", _whole(message))}
    assert links
    before = governed()
    for link in links:
        path = urlsplit(link).path
        for client in (browser(None), browser(organisation.approver)):
            for method in ("get", "head", "options"):
                assert getattr(client, method)(path).status_code in {200, 302, 405}, path
    assert governed() == before


def _whole(message: Any) -> str:
    return " ".join(
        [message.body, *(str(part.content) for part in message.alternatives), *message.extra_headers.values()]
    )


def test_r62_a_scanner_that_submits_the_form_without_a_session_decides_nothing(
    asked: ApprovalRequest,
) -> None:
    """It fetches, runs scripts and presses buttons, but it is nobody."""
    scanner, before = browser(None), governed()
    page = scanner.get(f"/approvals/{asked.label}/")
    assert page.status_code == 302
    assert page["Location"].startswith("/accounts/login/?next=")
    login = scanner.get(page["Location"]).content.decode()
    for fields in re.findall(r"<form.*?</form>", login, re.DOTALL):
        hidden = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', fields))
        scanner.post("/accounts/login/", {**hidden, "login": "", "password": ""})
    for verb in ("review", "withdraw", "undo", "comment", "edit", "proof"):
        answer = scanner.post(f"/approvals/{asked.label}/{verb}/", form(asked))
        assert (answer.status_code, answer.headers["Location"].startswith("/accounts/login/")) == (302, True)
    body = json.dumps(form(asked))
    answer = scanner.post(f"/api/v1/requests/{asked.label}/reviews", body, content_type="application/json")
    assert answer.status_code == 401
    assert governed() == before


# R63: framing


@pytest.mark.parametrize(
    "path", ["/approvals/", "/approvals/{label}/", "/accounts/login/", "/stops/", "/nothing-here/"]
)
def test_r63_no_page_is_shown_inside_another(organisation: Organisation, asked: ApprovalRequest, path: str) -> None:
    answer = browser(organisation.approver).get(path.format(label=asked.label))
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


# R64: somebody else's session


def test_r64_a_session_from_before_the_sign_in_is_not_the_one_after_it(
    organisation: Organisation, asked: ApprovalRequest
) -> None:
    """A planted session id never becomes anybody's."""
    victim = Client()
    victim.get("/accounts/login/")
    victim.cookies["sessionid"] = "a" * 32
    sign_in(victim, organisation.approver)
    assert victim.cookies["sessionid"].value != "a" * 32
    attacker = Client()
    attacker.cookies["sessionid"] = "a" * 32
    answer = attacker.post(f"/approvals/{asked.label}/review/", form(asked))
    assert answer.headers["Location"].startswith("/accounts/login/")
    assert not Review.objects.exists()


def test_r64_a_sign_in_from_another_site_is_refused(organisation: Organisation) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    body = {"login": organisation.approver.email, "password": PASSWORD}
    answer = client.post("/accounts/login/", body, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "_auth_user_id" not in client.session


# R65: a stolen session


def test_r65_a_stolen_cookie_approves_nothing_that_cannot_be_undone(organisation: Organisation, token: str) -> None:
    asked = opened(token, FORCE)
    assert asked.step_up != StepUp.NONE.value
    before = governed(but_refusals=True)
    thief = browser(organisation.approver)  # a session without a proof of a moment ago
    answer = thief.post(f"/approvals/{asked.label}/review/", form(asked, reason="I have read the whole of it."))
    assert answer.status_code in {302, 403, 422}
    csrf = thief.post(
        f"/api/v1/requests/{asked.label}/reviews",
        json.dumps(form(asked, reason="I have read the whole of it.")),
        content_type="application/json",
    )
    assert (csrf.status_code, csrf.json()["type"].rpartition("/")[2].rpartition(":")[2]) in {
        (403, "step-up-required"),
        (403, "passkey-required"),
    }
    assert governed(but_refusals=True) == before
    with pytest.raises(StepUpRequired):
        _review_without_proof(asked, organisation.approver)
    assert governed(but_refusals=True) == before
    # It is in the record, once, however often and by whichever way it is tried.
    assert refusals_of(asked, organisation.approver) == ["fresh-proof"]


def refusals_of(asked: ApprovalRequest, person: Person) -> list[str]:
    """The rules that refused this person's verdicts, as the ledger has them."""
    kept = Entry.objects.filter(type="approvals.verdict.refused", actor_id=str(person.pk))
    return [entry.body["data"]["rule"] for entry in kept if entry.body["data"]["request"] == asked.number]


def _review_without_proof(asked: ApprovalRequest, person: Person) -> None:
    add_review(
        actor=person,
        request=asked,
        verdict=Verdict.APPROVE,
        reason="I have read the whole of it.",
        view_hash=bytes(asked.view_hash),
    )


def test_r65_nor_makes_credentials_tokens_or_changes_sign_ins(organisation: Organisation, agent: Agent) -> None:
    thief = browser(organisation.manager)
    before = governed()
    for path, fields in (
        (f"/agents/{agent.slug}/credentials/", {"name": "mine", "days": "30"}),
        ("/settings/tokens/new/", {"name": "mine", "days": "7"}),
    ):
        answer = thief.post(path, fields)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    assert governed() == before


# R66: a forwarded link


def test_r66_a_forwarded_link_gives_its_receiver_nothing(organisation: Organisation, asked: ApprovalRequest) -> None:
    before = governed(but_refusals=True)
    link = f"/approvals/{asked.label}/"
    assert unquote(browser(None).get(link).headers["Location"]) == f"/accounts/login/?next={link}"
    assert browser(organisation.outsider).get(link).status_code == 404
    assert browser(organisation.outsider).post(f"{link}review/", form(asked)).status_code == 404
    # A colleague who may look may not decide.
    colleague = browser(organisation.member)
    assert colleague.get(link).status_code == 200
    assert colleague.post(f"{link}review/", form(asked)).status_code == 403
    assert governed(but_refusals=True) == before
    assert refusals_of(asked, organisation.member) == ["not-approver"]
    assert refusals_of(asked, organisation.outsider) == []


# R67: where a sign-in leads


ELSEWHERE = (
    "https://evil.example/", "//evil.example/", "/\\evil.example/", "\\\\evil.example", "https:evil.example",
    "http:///evil.example", "javascript:alert(1)", " //evil.example", "/\t/evil.example",
    "https://testserver@evil.example/", "https://testserver/approvals/",
)  # fmt: skip


def test_r67_a_sign_in_leads_to_a_page_of_this_site_only(organisation: Organisation) -> None:
    body = {"login": organisation.approver.email, "password": PASSWORD}
    for path in ("/accounts/login/", "/accounts/reauthenticate/"):
        for target in ELSEWHERE:
            client = browser(organisation.approver if "reauthenticate" in path else None)
            answer = client.post(path, {**body, "next": target}, query_params={"next": target})
            where = answer.headers.get("Location", "/")
            assert where.startswith("/"), (path, target, where)
            assert not where.startswith(("//", "/\\", "/\t")), (path, target, where)


# R68: chat


def test_r68_no_address_takes_a_decision_from_chat(organisation: Organisation, token: str) -> None:
    """Slack and Teams are told and never heard: whatever is signed how, no route acts on it."""
    asked = opened(token)
    paths = sorted(matrix.full_paths().values())
    assert not [path for path in paths if re.search(r"slack|teams/(?:action|callback)|interact|chat", path)]
    before = governed()
    payload = {"type": "block_actions", "actions": [{"action_id": "approve", "value": asked.label}]}
    body = "payload=" + json.dumps(payload)
    stamps = {"now": str(int(time.time())), "old": str(int(time.time()) - 3600)}
    for stamp in stamps.values():
        signed = hmac.new(b"a known secret", f"v0:{stamp}:{body}".encode(), hashlib.sha256)
        standard = base64.b64encode(signed.digest()).decode()
        headers = {
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
            "X-Slack-Request-Timestamp": stamp,
            "webhook-id": "msg_1",
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{standard}",
            "Authorization": f"HMAC {standard}",
        }
        for path in (
            "/approvals/",
            f"/approvals/{asked.label}/",
            f"/approvals/{asked.label}/review/",
            f"/api/v1/requests/{asked.label}/reviews",
            "/hooks/slack",
            "/slack/interactive",
            "/hooks/claude",
            "/api/v1/checks",
        ):
            for kind in ("application/x-www-form-urlencoded", "application/json"):
                answer = browser(None).post(path, body, content_type=kind, headers=headers)
                assert answer.status_code in {200, 302, 400, 401, 403, 404, 405, 415}, path
    assert governed() == before


def test_r68_what_is_sent_to_chat_has_no_button_that_acts(asked: ApprovalRequest) -> None:
    path = f"/approvals/{asked.label}/"
    notice = messages.Notice(kind="approvals.request.opened", label=asked.label, path=path, at="2026-11-21T12:00:00Z")
    for written in (
        messages.slack(notice, f"https://portal.example{path}"),
        messages.teams(notice, "https://portal.example/"),
    ):
        text = json.dumps(written)
        assert not re.search(r'"(?:button|block_actions|callback_id|Action\.(?:Submit|Execute|Http))"', text)
        assert set(re.findall(r"https://[\w.]+/", text)) <= {"https://portal.example/"}


# R69: guessing


def test_r69_a_hidden_request_and_none_at_all_answer_alike(organisation: Organisation, asked: ApprovalRequest) -> None:
    client, before = browser(organisation.outsider), governed()
    for verb in ("", "news/", "review/", "withdraw/", "undo/", "comment/", "edit/", "proof/"):
        method = client.get if verb in {"", "news/"} else client.post
        hidden, none = method(f"/approvals/AR-{asked.number}/{verb}"), method(f"/approvals/AR-4711/{verb}")
        assert (hidden.status_code, none.status_code) == (404, 404), verb
        assert _without_chance(hidden, asked.number) == _without_chance(none, 4711), verb
    assert governed() == before


def test_r69_the_api_too(organisation: Organisation, token: str) -> None:
    opened(token)
    before = governed()
    _, text = issue_token(person=organisation.outsider, name="tests", days=7)
    before = governed()
    client = Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)
    for verb, body in (
        ("reviews", {"verdict": "approve", "reason": "I read it.", "view_hash": "0" * 64}),
        ("undo", {}),
        ("comments", {"text": "hello"}),
        ("edits", {"tool_input": {}, "reason": "I read it.", "view_hash": "0" * 64}),
        ("withdraw", {}),
    ):
        sent = json.dumps(body)
        answers = [
            client.post(f"/api/v1/requests/{label}/{verb}", sent, content_type="application/json")
            for label in ("AR-1", "AR-4711")
        ]
        assert [answer.status_code for answer in answers] == [404, 404], verb
        assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert governed() == before


def _without_chance(answer: Any, number: int) -> str:
    """What two answers may differ in: tokens, nonces and the address that was asked for."""
    body = answer.content.decode()
    body = re.sub(r'(csrf[^"]*"|nonce="|value="|content=")[^"]*"', "", body, flags=re.IGNORECASE)
    return re.sub(rf"AR-{number}\b", "AR-N", body)


# R70: more fields than asked for

MORE = {
    "state": "approved",
    "status": "approved",
    "approved_by": "me",
    "quorum": 1,
    "expires_at": "2999-01-01T00:00:00Z",
    "requester": "somebody",
    "person": "somebody",
    "initiator": "nobody",
    "canary": False,
    "step_up": "none",
    "fresh": True,
    "stage": 0,
    "capacity": "security",
    "turn": 9,
    "authority": {"roles": ["security"]},
    "grant_minutes": 9999,
}


def test_r70_a_member_that_is_not_asked_for_is_refused_by_the_api(
    organisation: Organisation, pair_asked: ApprovalRequest
) -> None:
    _, text = issue_token(person=organisation.approver, name="tests", days=7)
    client = Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)
    path, before = f"/api/v1/requests/{pair_asked.label}/reviews", governed()
    for name, value in MORE.items():
        answer = client.post(path, json.dumps({**form(pair_asked), name: value}), content_type="application/json")
        assert answer.status_code in {400, 422}, name
    assert governed() == before


def test_r70_and_means_nothing_in_a_form(organisation: Organisation, pair_asked: ApprovalRequest) -> None:
    """One approval of two stays one approval of two, of who is signed in, whatever else the form says."""
    client = browser(organisation.approver)
    sent = {**{name: str(value) for name, value in MORE.items()}, **form(pair_asked)}
    assert client.post(f"/approvals/{pair_asked.label}/review/", sent).status_code == 302
    now = ApprovalRequest.objects.get(pk=pair_asked.pk)
    assert (now.state, now.quorum, now.expires_at) == ("pending", 2, pair_asked.expires_at)
    given = Review.objects.get(request=pair_asked)
    assert (given.person, given.turn, given.stage) == (organisation.approver, 1, 0)
    assert not Grant.objects.exists()


def test_r26_a_name_with_a_null_is_no_name(token: str) -> None:
    body = {"tool": "Bash", "tool_input": {"command": "git status"}, "repository": "acme/payments\0"}
    before, sent = governed(), json.dumps(body)
    given: dict[str, Any] = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {token}"}}
    answer = Client(raise_request_exception=False).post("/api/v1/checks", sent, **given)
    assert answer.status_code in {400, 422}
    assert governed() == before


def test_r70_a_check_cannot_name_its_own_request_or_answer(organisation: Organisation, token: str) -> None:
    before = governed()
    body = {"tool": "Bash", "tool_input": {"command": "gh pr merge 7"}, "state": "approved", "quorum": 0, "grant": "x"}
    answer = Client().post(
        "/api/v1/checks",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code in {400, 422}
    assert governed() == before


@pytest.fixture
def pair_asked(organisation: Organisation) -> ApprovalRequest:
    policy = policy_document()
    policy["approval"]["quorum"] = 2
    return opened(credential_for(organisation, active_agent(organisation, "Careful Refactorer", policy)))
