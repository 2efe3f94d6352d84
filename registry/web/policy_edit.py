"""Editing a policy of any level: the form, what it would change, and what becomes of it when it is sent.

Two people may edit one policy at once. The second one's form comes back on top of the first one's revision with
nothing typed lost, says what the first one changed and why, and can be sent again as it stands.
"""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from portal.errors import Conflict, InvalidInput, NotAllowed, PortalError
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from registry.models import PolicyProposal, PolicyRevision, ProposalState
from registry.rules.catalogue import Catalogue
from registry.rules.documents import Document, nothing, read_document, stored_document
from registry.rules.levels import Level
from registry.rules.policy import Policy, PolicyError
from registry.rules.rebase import rebase
from registry.selectors.charters import readable
from registry.selectors.policies import (
    Subject,
    catalogue_in_force,
    may_change,
    revision_in_force,
    revisions_of,
    who_changes,
)
from registry.selectors.proposals import Decider, deciders_of, open_for, visible_proposals
from registry.services.policy import change_policy
from registry.web.forms import ReasonForm
from registry.web.policy_difference import Difference, difference
from registry.web.policy_forms import DocumentForm, tier_groups
from registry.web.policy_lists import shown_fingerprint


@dataclass(frozen=True)
class Editing:
    """Whose policy is edited, with which form. ``members`` are the parts of the document that the form holds."""

    person: Person
    subject: Subject
    form: type[DocumentForm]
    template: str
    after: str  # where to go when a revision is in force
    preview: str  # the address that shows the difference
    members: frozenset[str] = frozenset()
    context: dict[str, Any] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=catalogue_in_force)

    def rest_of(self, document: dict[str, Any]) -> dict[str, Any]:
        """The members that the form leaves as they are."""
        return {name: value for name, value in document.items() if self.members and name not in self.members}


@dataclass(frozen=True)
class Meanwhile:
    """What somebody else put in force while the form was open."""

    revision: PolicyRevision
    difference: Difference
    clashes: tuple[str, ...]


def refuse_strangers(person: Person, subject: Subject) -> None:
    """403 for whoever sees the policy but may not change it."""
    if not may_change(authority_of(person), subject):
        raise NotAllowed(f"Only {who_changes(subject)} changes this policy.")


def edit(request: HttpRequest, editing: Editing) -> HttpResponse:
    """The page, and the change itself by POST."""
    refuse_strangers(editing.person, editing.subject)
    if request.method != "POST":
        return _begin(request, editing)
    number = _number(request.POST.get("based_on", ""))
    form, reason = _typed(request, editing, number), ReasonForm(request.POST)
    # Both are asked, so that every fault is shown at once.
    if not all([form.is_valid(), reason.is_valid()]):
        return _page(request, editing, form, reason, number, status=422)
    if form.document() == _document_of(editing, _revision(editing.subject, number)):
        same = InvalidInput("Nothing in it differs from what you started with. Nothing was changed.")
        return _page(request, editing, form, reason, number, status=422, refusal=same)
    try:
        changed = change_policy(
            actor=editing.person,
            subject=editing.subject,
            document=form.document(),
            based_on=number,
            reason=reason.cleaned_data["reason"],
        )
    except Conflict as error:
        if "revision" in error.extra:
            return _onto_the_newer(request, editing, form, reason, number)
        return _page(request, editing, form, reason, number, status=error.status, refusal=error)
    except (InvalidInput, NotAllowed) as error:
        return _page(request, editing, form, reason, number, status=422, refusal=error)
    return _changed(request, editing, changed)


def preview(request: HttpRequest, editing: Editing) -> HttpResponse:
    """What would be different with what is typed now; nothing is saved."""
    refuse_strangers(editing.person, editing.subject)
    form = _typed(request, editing, _number(request.POST.get("based_on", "")))
    now = _in_force(editing.subject)
    typed, unread = _read(editing, form.document(), form.catalogue, now)
    context = _would_change(editing, now, typed, unread, form.catalogue)
    return render(request, "registry/_difference.html", {**context, "live": True})


def _begin(request: HttpRequest, editing: Editing) -> HttpResponse:
    """The policy in force, or an earlier proposal on top of it (``?from=<number>``)."""
    revision = revision_in_force(editing.subject)
    document = _document_of(editing, revision)
    reason = ReasonForm()
    taken = _proposal_named(request, editing)
    if taken is not None:
        base = _document_of(editing, taken.based_on)
        document = rebase(base=base, theirs=document, mine=taken.document).document
        reason = ReasonForm({"reason": taken.reason})
    form = _form(editing, document, typed=taken is not None)
    return _page(request, editing, form, reason, revision.number if revision else 0)


def _onto_the_newer(
    request: HttpRequest, editing: Editing, form: DocumentForm, reason: ReasonForm, number: int
) -> HttpResponse:
    revision = revision_in_force(editing.subject)
    if revision is None:
        raise Conflict("The policy that you edited is gone. Nothing was changed.")
    base = _document_of(editing, _revision(editing.subject, number))
    theirs = _document_of(editing, revision)
    result = rebase(base=base, theirs=theirs, mine=form.document())
    level = editing.subject.level
    meanwhile = Meanwhile(
        revision,
        difference(stored_document(level, base), stored_document(level, theirs), form.catalogue),
        result.clashes,
    )
    again = _form(editing, result.document, typed=True)
    return _page(request, editing, again, reason, revision.number, status=409, meanwhile=meanwhile)


def _changed(request: HttpRequest, editing: Editing, changed: PolicyRevision | PolicyProposal) -> HttpResponse:
    if isinstance(changed, PolicyProposal):
        messages.success(
            request,
            f"{changed.label} is proposed. Nothing of it is in force until another person has approved it.",
        )
        return redirect("registry:proposal", number=changed.number)
    messages.success(request, f"Revision {changed.number} of the policy is in force.")
    return redirect(editing.after)


def _page(
    request: HttpRequest,
    editing: Editing,
    form: DocumentForm,
    reason: ReasonForm,
    number: int,
    *,
    status: int = 200,
    refusal: PortalError | None = None,
    meanwhile: Meanwhile | None = None,
) -> HttpResponse:
    now = _in_force(editing.subject)
    typed, unread = _read(editing, form.document() if form.is_bound else now.to_document(), form.catalogue, now)
    context = {
        "subject": editing.subject,
        "form": form,
        "reason_form": reason,
        # What the editor started from: kept through errors, so that a revision in between is noticed.
        "based_on": number,
        "refusal": refusal.detail if refusal is not None else "",
        "meanwhile": meanwhile,
        "waiting": open_for(editing.subject),
        "preview_url": editing.preview,
        "back_url": editing.after,
        **_of_policy(typed, form),
        **_would_change(editing, now, typed, unread, form.catalogue),
        **editing.context,
    }
    return render(request, editing.template, context, status=status)


def _of_policy(typed: Document, form: DocumentForm) -> dict[str, Any]:
    """What only an agent's page shows of what is typed: its actions by tier, and its new fingerprint."""
    if not isinstance(typed, Policy):
        return {}
    return {"tier_groups": tier_groups(typed, form), "typed_fingerprint": shown_fingerprint(typed)}


def _would_change(
    editing: Editing, now: Document, typed: Document, unread: int, catalogue: Catalogue
) -> dict[str, Any]:
    """The difference to the policy in force, and who would have to agree to it."""
    found = difference(now, typed, catalogue)
    deciders: list[Decider] = []
    if found.wider:
        asked = PolicyProposal(**editing.subject.columns, author=editing.person, state=ProposalState.OPEN.value)
        deciders = deciders_of(asked)
    return {
        "difference": found,
        "unread": unread,
        "deciders": [one for one in deciders if one.refusal is None],
        "barred": [one for one in deciders if one.refusal is not None],
    }


def _read(editing: Editing, document: Any, catalogue: Catalogue, now: Document) -> tuple[Document, int]:
    """What is typed as far as it can be read, and how many entries cannot."""
    level = editing.subject.level
    try:
        return read_document(level, document, catalogue), 0
    except PolicyError as error:
        return readable(document) if level is Level.AGENT else now, len(error.errors)


def _in_force(subject: Subject) -> Document:
    revision = revision_in_force(subject)
    return nothing(subject.level) if revision is None else stored_document(subject.level, revision.document)


def _whole(subject: Subject, revision: PolicyRevision | None) -> dict[str, Any]:
    document = nothing(subject.level) if revision is None else stored_document(subject.level, revision.document)
    return dict(document.to_document())


def _document_of(editing: Editing, revision: PolicyRevision | None) -> dict[str, Any]:
    """The document of a revision as this form would write it, so that what nobody touched compares as equal."""
    return _form(editing, _whole(editing.subject, revision), typed=True).document()


def _form(editing: Editing, document: dict[str, Any], *, typed: bool) -> DocumentForm:
    return editing.form.over(document, editing.catalogue, typed=typed, rest=editing.rest_of(document))


def _typed(request: HttpRequest, editing: Editing, number: int) -> DocumentForm:
    base = _whole(editing.subject, _revision(editing.subject, number))
    return editing.form(request.POST, catalogue=editing.catalogue, rest=editing.rest_of(base))


def _revision(subject: Subject, number: int) -> PolicyRevision | None:
    return revisions_of(subject).filter(number=number).first()


def _proposal_named(request: HttpRequest, editing: Editing) -> PolicyProposal | None:
    number = _number(request.GET.get("from", ""))
    found = visible_proposals(editing.person).filter(number=number, **editing.subject.columns)
    return found.first() if number else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
