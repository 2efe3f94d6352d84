"""Deciding on pages, without JavaScript: taking back, commenting, editing with its difference, several at once."""

import html
import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core import signing
from django.test import Client

from approvals.models import ApprovalRequest, Comment, Grant, RefusedVerdict, Review
from approvals.rules.workflow import RequestState
from approvals.selectors.oversight import Period, people_for
from approvals.web.stamp import SALT
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from tests.approvals.asking import ask, opened, review
from tests.approvals.standing_in import rulebook
from tests.organisation import Organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
REBASE = "gh pr merge 7 --rebase"


def client_of(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    sign_in(client, person)
    return client


def state(asked: ApprovalRequest) -> str:
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=asked.pk)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def form_of(answer: Any) -> dict[str, str]:
    """The hidden fields and texts of the page's forms, as a browser would send them."""
    page = answer.content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    texts = re.findall(r'<textarea name="([^"]+)"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    return {name: html.unescape(value).removeprefix("\n") for name, value in [*fields.items(), *texts]}


def test_asking_for_changes(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    body = {"verdict": "changes", "reason": "Use --rebase.", "view_hash": bytes(asked.view_hash).hex()}
    answer = client_of(organisation.approver).post(f"/approvals/{asked.label}/review/", body)
    assert answer.status_code == 302
    assert "sent back" in said(answer)
    assert state(asked) == RequestState.RETURNED


def test_how_it_was_looked_at_is_kept_as_the_browser_says(organisation: Organisation, token: str) -> None:
    """R57: seconds in sight and folds; nonsense counts as not said."""
    for visible, unfolded, kept in (("12", "1", (12, True)), ("7", "", (7, False)), ("-3", "1", (None, None))):
        asked = opened(token, session_id=f"s{visible}")
        body = {"verdict": "approve", "reason": "I read it.", "view_hash": bytes(asked.view_hash).hex()}
        client_of(organisation.approver).post(
            f"/approvals/{asked.label}/review/", {**body, "visible": visible, "unfolded": unfolded}
        )
        given = Review.objects.get(request=asked)
        assert (given.visible_seconds, given.unfolded) == kept


def test_nobody_uses_a_right_that_was_not_lent(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    body = {"verdict": "approve", "reason": "I read it.", "view_hash": bytes(asked.view_hash).hex()}
    for named in (str(organisation.second_approver.pk), "x", "'; --"):
        answer = client_of(organisation.approver).post(
            f"/approvals/{asked.label}/review/", {**body, "on_behalf_of": named}
        )
        assert answer.status_code == 403
    assert Review.objects.count() == 0


def test_a_proof_that_is_none_is_refused_and_the_reason_kept(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    body = {"verdict": "approve", "reason": "I read all of it.", "view_hash": bytes(asked.view_hash).hex()}
    for proof in ("{}", "[]", "not JSON", '{"id": "AAAA", "response": {}}'):
        answer = client_of(organisation.approver).post(f"/approvals/{asked.label}/review/", {**body, "proof": proof})
        assert answer.status_code == 403
        assert "I read all of it." in answer.content.decode()
    assert Review.objects.count() == 0


def test_without_a_passkey_there_is_nothing_to_begin(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    answer = client_of(organisation.approver).post(f"/approvals/{asked.label}/proof/")
    assert (answer.status_code, "passkey" in answer.json()["detail"]) == (403, True)
    assert client_of(organisation.outsider).post(f"/approvals/{asked.label}/proof/").status_code == 404


def test_taking_back(organisation: Organisation, token: str) -> None:
    asked = review(opened(token), organisation.approver)
    assert client_of(organisation.second_approver).post(f"/approvals/{asked.label}/undo/").status_code == 403
    assert client_of(organisation.outsider).post(f"/approvals/{asked.label}/undo/").status_code == 404
    client = client_of(organisation.approver)
    answer = client.post(f"/approvals/{asked.label}/undo/")
    assert (answer.status_code, "taken back" in said(answer)) == (302, True)
    assert state(asked) == RequestState.VOIDED
    late = client.post(f"/approvals/{asked.label}/undo/")
    assert (late.status_code, "already" in late.content.decode()) == (409, True)


def test_taking_back_too_late_shows_the_page_as_it_stands(organisation: Organisation, token: str) -> None:
    asked = review(opened(token), organisation.approver)
    assert ask(token).granted
    answer = client_of(organisation.approver).post(f"/approvals/{asked.label}/undo/")
    assert answer.status_code == 409
    assert "made the call already" in answer.content.decode()


def test_commenting(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    client = client_of(organisation.member)
    answer = client.post(f"/approvals/{asked.label}/comment/", {"text": "Why on <b>Friday</b>?"}, follow=True)
    assert "Why on &lt;b&gt;Friday&lt;/b&gt;?" in answer.content.decode()
    empty = client.post(f"/approvals/{asked.label}/comment/", {"text": " "})
    assert empty.status_code == 422
    assert client_of(organisation.auditor).post(f"/approvals/{asked.label}/comment/", {"text": "x"}).status_code == 403
    assert client_of(organisation.outsider).post(f"/approvals/{asked.label}/comment/", {"text": "x"}).status_code == 404
    assert Comment.objects.count() == 1


def test_editing_shows_the_difference_before_anything_is_sent(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    client, address = client_of(organisation.approver), f"/approvals/{asked.label}/edit/"
    fields = form_of(client.get(address))
    assert fields["p0"] == "gh pr merge 7 --squash"
    seen = client.post(address, {**fields, "p0": REBASE, "step": "preview"})
    page = seen.content.decode()
    assert (seen.status_code, state(asked), ApprovalRequest.objects.count()) == (200, RequestState.PENDING, 1)
    assert f"Replace {asked.label} with this" in page
    assert "approves nothing" in page
    sent = client.post(address, {**form_of(seen), "reason": "We rebase here.", "step": "send"})
    edited = ApprovalRequest.objects.get(replaces=asked)
    assert (sent.status_code, sent["Location"]) == (302, f"/approvals/{edited.label}/")
    assert (state(asked), edited.state, Review.objects.count()) == (RequestState.REPLACED, RequestState.PENDING, 0)
    assert client.get(address).status_code == 409


def test_an_edit_leads_to_the_new_request_where_it_is_decided(organisation: Organisation, token: str) -> None:
    """The page says what was made, what became of the original and what follows; the approval is of this view."""
    asked = opened(token)
    client, address = client_of(organisation.approver), f"/approvals/{asked.label}/edit/"
    seen = client.post(address, {**form_of(client.get(address)), "p0": REBASE, "step": "preview"})
    sent = client.post(address, {**form_of(seen), "reason": "We rebase here.", "step": "send"})
    page = client.get(sent["Location"])
    edited, told = ApprovalRequest.objects.get(replaces=asked), page.content.decode()
    assert f"{edited.label} asks for the call as you changed it. Nothing is approved yet. Read it below" in told
    assert f"{asked.label} has ended and can no longer be approved" in told
    fields = form_of(page)
    assert fields["view_hash"] == bytes(edited.view_hash).hex()
    verdict = {**fields, "verdict": "approve", "reason": "Read as it stands."}
    assert client.post(f"/approvals/{edited.label}/review/", verdict).status_code == 302
    assert ask(token, REBASE).granted
    assert "took its place and is decided by itself" in client.get(f"/approvals/{asked.label}/").content.decode()


def test_an_editor_who_may_not_approve_is_told_so_at_once(organisation: Organisation, token: str) -> None:
    rulebook(organisation, {"duties": {"payload_editor_may_approve": False}})
    asked = opened(token)
    client, address = client_of(organisation.approver), f"/approvals/{asked.label}/edit/"
    seen = client.post(address, {**form_of(client.get(address)), "p0": REBASE, "step": "preview"})
    told = client.post(address, {**form_of(seen), "reason": "We rebase here.", "step": "send"}, follow=True)
    page, edited = told.content.decode(), ApprovalRequest.objects.get(replaces=asked)
    assert "It is for others to decide." in page
    assert "You may not decide this one" in page
    body = {"verdict": "approve", "reason": "Mine.", "view_hash": bytes(edited.view_hash).hex()}
    assert client.post(f"/approvals/{edited.label}/review/", body).status_code == 403
    assert state(edited) == RequestState.PENDING


def test_what_was_changed_after_the_preview_is_not_sent_unseen(organisation: Organisation, token: str) -> None:
    """R50 for edits: the click sends exactly the difference that was shown, or says that it is another."""
    asked = opened(token)
    client, address = client_of(organisation.approver), f"/approvals/{asked.label}/edit/"
    seen = form_of(client.post(address, {**form_of(client.get(address)), "p0": REBASE, "step": "preview"}))
    answer = client.post(address, {**seen, "p0": "gh pr merge 7 --merge", "reason": "Fine.", "step": "send"})
    assert answer.status_code == 409
    assert "gh pr merge 7 --merge" in answer.content.decode()
    assert (state(asked), ApprovalRequest.objects.count()) == (RequestState.PENDING, 1)


def test_an_edit_that_cannot_be_keeps_what_was_typed(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    client, address = client_of(organisation.approver), f"/approvals/{asked.label}/edit/"
    fields = form_of(client.get(address))
    for typed, why in (("git push --force origin main", "greater risk"), (fields["p0"], "Nothing in it")):
        answer = client.post(address, {**fields, "p0": typed, "reason": "My words.", "step": "preview"})
        assert answer.status_code == 422
        assert why in answer.content.decode()
        assert form_of(answer)["p0"] == typed
        assert form_of(answer)["reason"] == "My words."


def test_an_edit_without_a_reason_is_not_sent(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    client, address = client_of(organisation.approver), f"/approvals/{asked.label}/edit/"
    seen = form_of(client.post(address, {**form_of(client.get(address)), "p0": REBASE, "step": "preview"}))
    answer = client.post(address, {**seen, "reason": "x", "step": "send"})
    assert (answer.status_code, "must say why" in answer.content.decode()) == (422, True)
    assert state(asked) == RequestState.PENDING


def test_line_ends_survive_the_form_and_what_would_not_is_no_field(organisation: Organisation, token: str) -> None:
    """A browser sends CR LF for each line end; a carriage return of the agent's own is not edited away unseen."""
    asked = opened(token, "gh pr merge 7 --squash &&\necho done")
    client, address = client_of(organisation.approver), f"/approvals/{asked.label}/edit/"
    fields = form_of(client.get(address))
    body = {**fields, "p0": "gh pr merge 7 --rebase &&\r\necho done", "step": "preview"}
    seen = client.post(address, body)
    sent = client.post(address, {**form_of(seen), "reason": "We rebase.", "step": "send"})
    assert sent.status_code == 302
    review(ApprovalRequest.objects.get(replaces=asked), organisation.approver)
    assert ask(token, "gh pr merge 7 --rebase &&\necho done").granted
    hidden = opened(token, "gh pr merge 8 --squash\recho hi", session_id="s2")
    page = client.get(f"/approvals/{hidden.label}/edit/").content.decode()
    assert "stays as it is" in page
    assert 'name="p0"' not in page


@pytest.mark.parametrize(("who", "status"), [("manager", 403), ("member", 403), ("auditor", 403), ("outsider", 404)])
def test_who_may_not_edit(organisation: Organisation, token: str, who: str, status: int) -> None:
    asked = opened(token)
    client, address = client_of(organisation.people[who]), f"/approvals/{asked.label}/edit/"
    view_hash = bytes(asked.view_hash).hex()
    body = {"p0": REBASE, "reason": "Mine.", "view_hash": view_hash, "previewed": "0" * 64, "step": "send"}
    assert (client.get(address).status_code, client.post(address, body).status_code) == (status, status)
    assert ApprovalRequest.objects.count() == 1


def test_a_batch_shows_each_whole_and_decides_all(organisation: Organisation, token: str) -> None:
    requests = [opened(token, f"gh pr merge {number} --squash", session_id="s") for number in (7, 8)]
    client = client_of(organisation.approver)
    page = client.get("/approvals/batch/?n=1&n=2&n=2&n=x&n=999").content.decode()
    for asked in requests:
        assert f'value="{asked.number}:{bytes(asked.view_hash).hex()}"' in page
        assert asked.arguments["command"] in page
    items = [f"{asked.number}:{bytes(asked.view_hash).hex()}" for asked in requests]
    answer = client.post("/approvals/batch/", {"item": items, "reason": "Both are alike.", "verdict": "approve"})
    assert (answer.status_code, answer["Location"]) == (302, "/approvals/")
    assert "AR-1, AR-2 are approved" in said(answer)
    assert Grant.objects.count() == 2


def test_the_seconds_of_a_batch_are_divided_and_each_keeps_its_own(organisation: Organisation, token: str) -> None:
    """Fifty requests in a minute were looked at for about a second each, and count as quick where oversight counts."""
    for number in range(3):
        opened(token, session_id=f"session-{number}")
    client = client_of(organisation.approver)
    page = client.get("/approvals/batch/?n=1&n=2&n=3").content.decode()
    items = re.findall(r'name="item" value="([^"]+)"', page)
    assert re.findall(r'data-looked="(\d+)"', page) == ["1", "2", "3"]
    shown, at = signing.loads(re.findall(r'name="shown_at" value="([^"]+)"', page)[0], salt=SALT)
    body = {
        "item": items,
        "looked": ["1:9:1", "2:0:0", "3:x:1", "4:5:1", "", "1:2"],
        "shown_at": signing.dumps([shown, at - 10], salt=SALT),
        "reason": "All three are alike.",
        "verdict": "approve",
    }
    assert client.post("/approvals/batch/", body).status_code == 302
    kept = {
        review.request.number: ((review.shown_seconds or 0) // 2, review.visible_seconds, review.unfolded)
        for review in Review.objects.select_related("request")
    }
    assert kept == {1: (1, 9, True), 2: (1, 0, False), 3: (1, None, None)}
    [row] = people_for(organisation.approver, Period(7, database_now()))
    looked = row.findings.looked
    assert (looked.measured, looked.quick, looked.folds_known, looked.unexpanded) == (3, 2, 2, 1)


def test_a_batch_with_one_changed_item_says_which_and_keeps_the_reason(organisation: Organisation, token: str) -> None:
    """R50: one was denied by somebody else since the page was shown; nothing is recorded for the other."""
    first, second = (opened(token, session_id=name) for name in ("a", "b"))
    items = [f"{asked.number}:{bytes(asked.view_hash).hex()}" for asked in (first, second)]
    client = client_of(organisation.approver)
    review(second, organisation.second_approver)
    answer = client.post("/approvals/batch/", {"item": items, "reason": "Both are alike.", "verdict": "deny"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert f"{second.label}</a>: {second.label} is approved already" in page
    assert form_of(answer)["reason"] == "Both are alike."
    assert (state(first), Review.objects.filter(request=first).count()) == (RequestState.PENDING, 0)


def test_a_batch_leaves_out_what_must_be_looked_at_by_itself(organisation: Organisation, token: str) -> None:
    opened(token)
    hard = opened(token, "git push --force origin feature/tidy")
    page = client_of(organisation.approver).get(f"/approvals/batch/?n=1&n={hard.number}").content.decode()
    assert "cannot be undone" in page
    assert 'value="approve"' not in page
    assert 'value="deny"' in page
    assert 'href="?n=1"' in page


def test_a_batch_of_nothing_or_of_others(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    client = client_of(organisation.outsider)
    assert "Nothing was chosen" in client.get(f"/approvals/batch/?n={asked.number}").content.decode()
    item = f"{asked.number}:{bytes(asked.view_hash).hex()}"
    assert client.post("/approvals/batch/", {"item": [item], "reason": "Yes.", "verdict": "deny"}).status_code == 404
    none = client_of(organisation.approver).post("/approvals/batch/", {"reason": "Yes.", "verdict": "deny"})
    assert none.status_code == 422
    assert state(asked) == RequestState.PENDING


def test_a_refused_verdict_stands_in_the_history(organisation: Organisation, token: str) -> None:
    """Those who may see the request see who tried what; once, however often it was tried, on page and API."""
    asked = opened(token, initiator="approver@example.test")
    client = client_of(organisation.approver)
    body = {"verdict": "approve", "reason": "Mine.", "view_hash": bytes(asked.view_hash).hex()}
    for _ in range(2):
        assert client.post(f"/approvals/{asked.label}/review/", body).status_code == 403
    page = client_of(organisation.member).get(f"/approvals/{asked.label}/").content.decode()
    assert page.count("Cleo Approver tried to approve it and was refused: started the work that asks for this") == 1
    assert client_of(organisation.outsider).post(f"/approvals/{asked.label}/review/", body).status_code == 404
    assert list(RefusedVerdict.objects.values_list("rule", flat=True)) == ["initiator"]


def test_a_right_that_is_not_theirs_leaves_it_too(organisation: Organisation, token: str) -> None:
    """The page refuses it before the service does, so no name of a stranger is told; the record has it too."""
    asked = opened(token)
    body = {
        "verdict": "approve",
        "reason": "For them.",
        "view_hash": bytes(asked.view_hash).hex(),
        "on_behalf_of": str(organisation.second_approver.pk),
    }
    assert client_of(organisation.member).post(f"/approvals/{asked.label}/review/", body).status_code == 403
    assert list(RefusedVerdict.objects.values_list("rule", flat=True)) == ["not-delegated"]


def test_oversight_says_whose_numbers_the_reader_sees(organisation: Organisation, token: str) -> None:
    """An approver sees their own and is not promised the team's; its manager sees the team's and nobody's name."""
    review(opened(token), organisation.approver)
    own = client_of(organisation.approver).get("/approvals/oversight/").content.decode()
    assert "You decided 1 request" in own
    assert "a team's numbers are for its managers" in own
    assert "By team" not in own
    team = client_of(organisation.manager).get("/approvals/oversight/").content.decode()
    assert "Numbers by team" in team
    assert "Payments" in team
    assert organisation.approver.name not in team
