"""Comments: kept as written, by those who have to do with a request, and deciding nothing."""

import psycopg
import pytest

from approvals.models import Comment
from approvals.rules.workflow import RequestState
from approvals.services.comment import MOST_COMMENTS, comment
from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose
from tests.approvals.asking import entries, opened, review
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("who", ["manager", "approver", "member", "security"])
def test_the_team_and_those_who_decide_comment(organisation: Organisation, token: str, who: str) -> None:
    request = opened(token)
    made = comment(actor=organisation.people[who], request=request, text="  Why now?\nIt is Friday. ")
    assert made.text == "Why now?\nIt is Friday."
    entry = Entry.objects.get(type="approvals.comment.made")
    assert disclose(entry)["text"] == made.text
    assert "Friday" not in bytes(entry.bytes).decode()
    request.refresh_from_db()
    assert request.state == RequestState.PENDING


@pytest.mark.parametrize("who", ["auditor", "operator", "outsider"])
def test_who_only_reads_or_sees_nothing_does_not(organisation: Organisation, token: str, who: str) -> None:
    with pytest.raises(NotAllowed):
        comment(actor=organisation.people[who], request=opened(token), text="Approve it.")
    assert (Comment.objects.count(), entries("comment.made")) == (0, 0)


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "\ud800", "x" * 2001])
def test_a_text_that_cannot_be_kept(organisation: Organisation, token: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        comment(actor=organisation.approver, request=opened(token), text=text)
    assert refused.value.errors[0]["pointer"] == "/text"


def test_a_settled_request_can_still_be_talked_about(organisation: Organisation, token: str) -> None:
    request = review(opened(token), organisation.approver)
    comment(actor=organisation.manager, request=request, text="Thank you.")
    assert Comment.objects.get().text == "Thank you."


def test_a_flood_of_comments_ends(organisation: Organisation, token: str) -> None:
    request = opened(token)
    Comment.objects.bulk_create(
        [Comment(request=request, person=organisation.member, text="again") for _ in range(MOST_COMMENTS)]
    )
    with pytest.raises(Conflict):
        comment(actor=organisation.member, request=request, text="once more")


def test_a_comment_is_never_changed(
    organisation: Organisation, token: str, super_connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    comment(actor=organisation.member, request=opened(token), text="I said this.")
    with pytest.raises(psycopg.Error, match="append-only"):
        super_connection.execute("UPDATE approvals_comment SET text = 'I said that.'")
