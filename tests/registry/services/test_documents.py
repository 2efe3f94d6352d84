"""Papers: every version kept under its hash, and only what looks like what it says."""

import hashlib
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, AgentDocument, DocumentKind
from registry.rules.papers import MOST_BYTES, PaperStatus, media_type_of, safe_file_name, status_of
from registry.selectors.documents import document_for, papers_of
from registry.services.documents import add_document
from tests.organisation import Organisation, active_agent, draft_agent
from tests.registry.recording import PDF, attached


def test_a_paper_is_kept_with_its_hash_in_the_record(organisation: Organisation, agent: Agent) -> None:
    document = attached(organisation, agent)
    digest = hashlib.sha256(PDF).hexdigest()
    assert (document.version, bytes(document.sha256).hex(), document.size) == (1, digest, len(PDF))
    entry = Entry.objects.get(type="registry.document.added")
    assert (entry.agent_id, entry.body["data"]["sha256"]) == (agent.pk, digest)
    assert bytes(document_for(agent, document.pk).content) == PDF


def test_the_same_name_is_the_next_version_and_nothing_is_overwritten(organisation: Organisation, agent: Agent) -> None:
    first, second = attached(organisation, agent), attached(organisation, agent, content=PDF + b" Again.")
    other = attached(organisation, active_agent(organisation, "Another"))
    assert (first.version, second.version, other.version) == (1, 2, 1)
    (paper,) = papers_of(agent, today=database_now().date())
    assert (paper.newest, paper.earlier) == (second, [first])
    with pytest.raises(DatabaseError), transaction.atomic():
        AgentDocument.objects.filter(pk=first.pk).update(content=b"other")
    with pytest.raises(NotFound):
        document_for(agent, other.pk)


@pytest.mark.parametrize(
    ("file_name", "content"),
    [
        ("report.pdf", b""),
        ("report.pdf", b"MZ not a pdf"),
        ("report.exe", PDF),
        ("pdf", PDF),
        ("report.pdf.exe", PDF),
        ("notes.txt", b"\xff\xfe"),
        ("notes.txt", b"nul \0"),
        ("page.svg", b"<svg/>"),
        ("report.pdf", PDF + b"x" * MOST_BYTES),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    organisation: Organisation, agent: Agent, file_name: str, content: bytes
) -> None:
    with pytest.raises(InvalidInput) as refused:
        attached(organisation, agent, file_name=file_name, content=content)
    assert [fault["pointer"] for fault in refused.value.errors] == ["/file"]
    assert not AgentDocument.objects.exists()


@pytest.mark.parametrize("who", ["member", "approver", "security", "auditor", "outsider"])
def test_only_managers_attach(organisation: Organisation, agent: Agent, who: str) -> None:
    with pytest.raises(NotAllowed):
        add_document(
            actor=organisation.people[who],
            agent=agent,
            kind=DocumentKind.OTHER,
            name="x",
            file_name="x.txt",
            content=b"x",
        )


def test_a_draft_has_no_papers_and_a_date_lies_ahead(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(Conflict):
        attached(organisation, draft_agent(organisation, "Draft"))
    with pytest.raises(InvalidInput) as refused:
        attached(organisation, agent, name=" ", expires_on=database_now().date())
    assert [fault["pointer"] for fault in refused.value.errors] == ["/name", "/expires_on"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\a.pdf", "a.pdf"),
        ('a"; filename="b.html', "a__ filename=_b.html"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"),
        ("invoice\u202efdp.html", "invoicefdp.html"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("..", ""),
    ],
)
def test_file_names_are_made_safe(typed: str, kept: str) -> None:
    assert safe_file_name(typed) == kept
    assert len(kept) <= 150


@pytest.mark.parametrize(("name", "known"), [("a.PDF", True), ("a.md", True), (".pdf", False), ("a", False)])
def test_endings(name: str, known: bool) -> None:
    assert (media_type_of(name) is not None) is known


@pytest.mark.parametrize(
    ("days", "status"),
    [(None, "good"), (31, "good"), (30, "expiring"), (0, "expiring"), (-1, "expired"), (-40, "expired")],
)
def test_the_days_around_a_date(days: int | None, status: str) -> None:
    today = date(2026, 11, 21)
    assert status_of(None if days is None else today + timedelta(days=days), today) is PaperStatus(status)
