"""The papers of an agent: attached, listed with their versions, and handed out only as a download."""

from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.attachment import attachment
from registry.models import Agent, DocumentKind
from registry.selectors.agents import agent_for
from registry.selectors.documents import document_for, papers_of
from registry.services.documents import add_document
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in
from registry.web.record_forms import KINDS, DocumentForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def documents(request: HttpRequest, slug: str) -> HttpResponse:
    """GET lists, POST attaches. A file cannot be kept in a form that is shown again, the rest of it is."""
    person = person_of(request)
    agent = agent_for(person, slug)
    if request.method != "POST":
        return _page(request, person, agent, DocumentForm())
    form = DocumentForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, person, agent, form, status=422)
    file: UploadedFile[bytes] = form.cleaned_data["file"]
    try:
        added = add_document(
            actor=person,
            agent=agent,
            kind=DocumentKind(form.cleaned_data["kind"]),
            name=form.cleaned_data["name"],
            file_name=file.name or "",
            content=file.read(),
            expires_on=form.cleaned_data["expires_on"],
        )
    except (InvalidInput, Conflict) as error:
        show_in(form, error)
        return _page(request, person, agent, form, status=error.status)
    messages.success(request, f"{added.name} is attached as version {added.version}.")
    return redirect("registry:agent_documents", slug=agent.slug)


@signed_in
@require_safe
def download(request: HttpRequest, slug: str, document_id: UUID) -> HttpResponse:
    """The bytes of one version, as a download."""
    document = document_for(agent_for(person_of(request), slug), document_id)
    return attachment(bytes(document.content), document.file_name)


def _page(request: HttpRequest, person: Person, agent: Agent, form: DocumentForm, *, status: int = 200) -> HttpResponse:
    context = {
        **agent_context(person, agent, "documents"),
        "form": form,
        "papers": papers_of(agent, today=database_now().date()),
        "kinds": {kind.value: words.partition(":")[0] for kind, words in KINDS.items()},
    }
    return render(request, "registry/agent_documents.html", context, status=status)
