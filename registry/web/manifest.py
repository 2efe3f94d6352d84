"""Policy files: upload or paste one, see the plan, apply exactly that; and take one home."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import PortalError
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.identity.web.step_up import recently_authenticated, to_confirm_before
from portal.web.access import signed_in
from registry.models import Agent
from registry.rules.code_gate import Translation, translate
from registry.rules.lifecycle import AgentState
from registry.rules.manifest import Manifest, read
from registry.rules.manifest import render as render_file
from registry.rules.texts import MOST_TEXT
from registry.rules.yaml_lines import MOST_BYTES, Fault, YamlError, parse
from registry.selectors.agents import agent_for, may_manage, visible_agents
from registry.selectors.charters import policy_of
from registry.selectors.drift import latest_sightings
from registry.selectors.manifest import entry_of, file_of, whole_file
from registry.selectors.policies import catalogue_in_force
from registry.services.manifest import apply_file, plan_file
from registry.web.asking import person_of

GATE, FILE = "gate", "file"


class ImportForm(forms.Form):
    """What to read, and why: the reason goes with every change that the file makes."""

    kind = forms.ChoiceField(
        label="What it is",
        choices=[(FILE, "A policy file of this portal"), (GATE, "A .ai-code-gate.yml of a repository")],
        widget=forms.RadioSelect,
        initial=FILE,
    )
    agent = forms.ChoiceField(
        label="For which agent",
        required=False,
        help_text="For a gate file: the agent whose policy it changes. A policy file names its agents itself.",
    )
    upload = forms.FileField(label="File", required=False, help_text="Or paste it below. At most 1 MB.")
    text = forms.CharField(
        label="Text",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "class": "mono", "spellcheck": "false"}),
    )
    reason = forms.CharField(
        label="Why", max_length=MOST_TEXT, widget=forms.Textarea(attrs={"rows": 2}), help_text="Goes into the record."
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        authority = authority_of(person)
        gone = [AgentState.DRAFT.value, AgentState.RETIRED.value]
        managed = [agent for agent in visible_agents(person).exclude(state__in=gone) if may_manage(authority, agent)]
        choices = [("", "none"), *((agent.slug, agent.name) for agent in managed)]
        self.fields["agent"] = forms.ChoiceField(
            label=self.fields["agent"].label,
            required=False,
            help_text=self.fields["agent"].help_text,
            choices=choices,
        )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        upload = given.get("upload")
        if upload is not None:
            if upload.size > MOST_BYTES:
                self.add_error("upload", f"The file is larger than {MOST_BYTES:,} bytes.")
                return given
            try:
                given["text"] = upload.read().decode("utf-8")
            except UnicodeDecodeError:
                self.add_error("upload", "The file is not UTF-8 text.")
        if not given.get("text", "").strip() and not self.errors:
            self.add_error("text", "Choose a file or paste its text.")
        if given.get("kind") == GATE and not given.get("agent"):
            self.add_error("agent", "Say which agent the gate file is for.")
        return given


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def import_file(request: HttpRequest) -> HttpResponse:
    """Three looks of one page: the form, the plan, and what became of it."""
    person = person_of(request)
    if request.method != "POST":
        return _page(request, ImportForm(person=person))
    form = ImportForm(request.POST, request.FILES, person=person)
    if not form.is_valid():
        return _page(request, form, status=422)
    given = form.cleaned_data
    translation: Translation | None = None
    try:
        text = given["text"]
        if given["kind"] == GATE:
            translation, text = _translated(person, given["agent"], text)
        manifest = read(text, catalogue=catalogue_in_force())
    except YamlError as error:
        return _page(request, form, status=422, faults=error.faults)
    if request.POST.get("digest"):
        return _applied(request, form, manifest, text)
    return _planned(request, form=form, manifest=manifest, text=text, translation=translation)


def _planned(
    request: HttpRequest,
    *,
    form: ImportForm,
    manifest: Manifest,
    text: str,
    translation: Translation | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    plan = plan_file(actor=person_of(request), manifest=manifest, reason=form.cleaned_data["reason"])
    context = {
        "plan": plan,
        "text": text,
        "reason": form.cleaned_data["reason"],
        "translation": translation,
        "refusal": refusal,
    }
    return render(
        request, "registry/import_plan.html", context, status=422 if plan.refused and status == 200 else status
    )


def _applied(request: HttpRequest, form: ImportForm, manifest: Manifest, text: str) -> HttpResponse:
    try:
        results = apply_file(
            actor=person_of(request),
            manifest=manifest,
            reason=form.cleaned_data["reason"],
            digest=request.POST["digest"],
        )
    except PortalError as error:
        return _planned(request, form=form, manifest=manifest, text=text, refusal=error.detail, status=error.status)
    left = [one for one in results if not one.done]
    if not left:
        messages.success(request, "The whole file was applied.")
    return render(request, "registry/import_done.html", {"results": results, "left": left})


def _translated(person: Person, slug: str, text: str) -> tuple[Translation, str]:
    """What a gate file makes of the agent's policy, and that as a policy file."""
    agent = agent_for(person, slug)
    translation = translate(parse(text), over=policy_of(agent))
    return translation, render_file(agents=[{**entry_of(agent), "policy": translation.document}])


def _page(
    request: HttpRequest, form: ImportForm, *, status: int = 200, faults: list[Fault] | None = None
) -> HttpResponse:
    return render(request, "registry/import.html", {"form": form, "faults": faults}, status=status)


@signed_in
@require_safe
def export_agent(request: HttpRequest, slug: str) -> HttpResponse:
    agent = agent_for(person_of(request), slug)
    return _download(file_of([_with_deputy(agent)]), f"{agent.slug}.yml")


@signed_in
@require_safe
def export_all(request: HttpRequest) -> HttpResponse:
    """Everybody's policies and who answers for them, in one file."""
    if not recently_authenticated(request):
        return to_confirm_before(request, reverse("registry:import"))
    return _download(whole_file(person_of(request)), "bailiwick.yml")


@signed_in
@require_safe
def drift(request: HttpRequest) -> HttpResponse:
    """What the repositories' own files say, beside what is in force."""
    return render(request, "registry/drift.html", {"sightings": latest_sightings(person_of(request))})


def _with_deputy(agent: Agent) -> Agent:
    return Agent.objects.select_related("owner_team", "accountable_person", "deputy", "revision").get(pk=agent.pk)


def _download(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(name.removesuffix(".yml"))}.yml"'
    return response
