"""The forms of an agent's credentials and trusts."""

from typing import Any

from django import forms
from django.conf import settings

from registry.rules.narrowing import never_matching
from registry.rules.policy import Policy, PolicyError
from registry.rules.restriction import Restriction
from registry.rules.texts import MOST_NAME
from registry.rules.trust import MOST_AUDIENCE, MOST_VALUE, Issuer, IssuerKind
from registry.selectors.credentials import longest_days
from registry.services.credential import LONGEST_OVERLAP_HOURS

MOST_LINES_TEXT = 10_000
# Name in the document, label, help.
NARROWING: tuple[tuple[str, str, str], ...] = (
    ("repositories", "Only these repositories", "One per line, such as acme/payments. Empty: all that the agent may."),
    ("branches_allowed", "Only these branches", "One pattern per line. Empty: all that the agent may."),
    ("paths_allowed", "Only these paths", "One pattern per line, as in .gitignore. Empty: all that the agent may."),
    ("environments", "Only these environments", "One per line. Empty: all that the agent may."),
    ("tools", "Only these tools", "One per line, such as Bash or mcp__github__*. Empty: all that the agent may."),
)


def _days(**more: Any) -> forms.IntegerField:
    most = longest_days()
    return forms.IntegerField(
        label="Days until it expires",
        min_value=1,
        max_value=most,
        initial=min(30, most),
        help_text=f"1 to {most}. Shorter is safer.",
        **more,
    )


class CredentialForm(forms.Form):
    """A new credential, narrowed where something is written."""

    def __init__(self, *args: Any, policy: Policy | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.policy = policy
        self.unusable = False
        self.fields["name"] = forms.CharField(
            max_length=MOST_NAME, help_text="Where it will be used, such as: Ada's laptop, or CI."
        )
        self.fields["days"] = _days()
        for name, label, help_text in NARROWING:
            self.fields[name] = forms.CharField(
                label=label, help_text=help_text, required=False, max_length=MOST_LINES_TEXT, widget=_lines_box()
            )
        self.fields["anyway"] = forms.BooleanField(
            label="Issue it with the entries that cannot match today", required=False
        )

    @property
    def basics(self) -> list[forms.BoundField]:
        return [self["name"], self["days"]]

    @property
    def narrowing(self) -> list[forms.BoundField]:
        return [self[name] for name, _, _ in NARROWING] + ([self["anyway"]] if self.unusable else [])

    @property
    def narrowed(self) -> bool:
        """Whether something was typed that narrows, so that the page keeps that part open."""
        return any(self.data.get(name, "").strip() for name, _, _ in NARROWING)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        scope = {name: lines_of(cleaned.get(name) or "") for name, _, _ in NARROWING}
        document = {"scope": written} if (written := {name: lines for name, lines in scope.items() if lines}) else {}
        try:
            restriction = Restriction.from_document(document)
        except PolicyError as error:
            self._mark(error.errors, scope)
            return cleaned
        if self.policy is not None:
            useless = never_matching(restriction.scope, self.policy.scope)
            self.unusable = bool(useless)
            if useless and not cleaned.get("anyway"):
                self._mark(useless, None)
        cleaned["scope"] = restriction.to_document()
        return cleaned

    def _mark(self, faults: list[dict[str, str]], lines: dict[str, list[str]] | None) -> None:
        for fault in faults:
            _, _, name, *place = fault["pointer"].split("/")
            line = f"{lines[name][int(place[0])][:80]}: " if lines and place else ""
            self.add_error(name, f"{line}{fault['detail']}")

    def asked(self) -> dict[str, Any]:
        """What the service takes."""
        return {name: self.cleaned_data[name] for name in ("name", "days", "scope")}


class RotationForm(forms.Form):
    """How long the new one lives and how long the old one still works."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"] = _days()
        self.fields["overlap_hours"] = forms.IntegerField(
            label="Hours that the old one still works",
            min_value=0,
            max_value=LONGEST_OVERLAP_HOURS,
            initial=24,
            help_text=f"0 to {LONGEST_OVERLAP_HOURS}. Long enough to put the new one in place; 0 ends the old one now.",
        )


class RevokeAllForm(forms.Form):
    """Whether the trusts go too."""

    trusts = forms.BooleanField(label="Revoke its trusts too, so that nothing new can be exchanged", required=False)


# Main claims of each kind: name, label, help. Everything else goes into the box below them.
_MAIN: dict[IssuerKind, tuple[tuple[str, str, str], ...]] = {
    IssuerKind.GITHUB: (
        (
            "repository_id",
            "Repository id",
            "The number that GitHub keeps through renames: gh api repos/OWNER/NAME --jq .id",
        ),
        ("environment", "Environment", "The job's deployment environment, which can have reviewers of its own."),
        ("ref", "Ref", "Such as refs/heads/main: only runs of that branch."),
        ("job_workflow_ref", "Workflow file", "Such as acme/ci/.github/workflows/agent.yml@refs/heads/main."),
        ("runner_environment", "Runner", "self-hosted or github-hosted."),
    ),
    IssuerKind.CURSOR: (
        ("sub", "Subject", "Such as service_account:42, or user:7. One of subject, team and agent is needed."),
        ("team_id", "Team id", "Your team at Cursor."),
        ("cloud_agent_id", "Cloud agent id", "One cloud agent alone."),
    ),
    IssuerKind.OTHER: (),
}
NEEDED = frozenset({"repository_id"})


class TrustForm(forms.Form):
    """Whose tokens may be exchanged: one form for each kind of issuer."""

    def __init__(self, *args: Any, issuer: Issuer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.issuer = issuer
        self.fields["name"] = forms.CharField(max_length=MOST_NAME, help_text="Such as: nightly refactoring workflow.")
        self.fields["audience"] = forms.CharField(
            max_length=MOST_AUDIENCE,
            strip=False,
            initial=settings.BAILIWICK_BASE_URL,
            help_text="The token must be made for exactly this audience. A token for another service is refused.",
        )
        for name, label, help_text in _MAIN[issuer.kind]:
            self.fields[name] = forms.CharField(
                label=label, help_text=help_text, required=name in NEEDED, max_length=MOST_VALUE, strip=False
            )
        self.fields["more"] = forms.CharField(
            label="Further claims" if _MAIN[issuer.kind] else "Claims",
            help_text="One per line: name=value. Each must be exactly so in the token; there are no wildcards.",
            required=not _MAIN[issuer.kind],
            max_length=MOST_LINES_TEXT,
            widget=_lines_box(),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        claims = {name: cleaned[name] for name, _, _ in _MAIN[self.issuer.kind] if cleaned.get(name)}
        for line in lines_of(cleaned.get("more") or ""):
            name, equals, value = line.partition("=")
            name = name.strip()
            if not equals:
                self.add_error("more", f"{line[:80]}: write name=value.")
            elif name in claims:
                self.add_error("more", f"{name[:80]} is given twice.")
            else:
                claims[name] = value.strip()
        cleaned["claims"] = claims
        return cleaned

    def asked(self) -> dict[str, Any]:
        """What the service takes."""
        facts = {name: self.cleaned_data[name] for name in ("name", "audience", "claims")}
        return {**facts, "issuer": self.issuer.issuer}

    def show(self, faults: list[dict[str, str]]) -> None:
        """The service's faults, each at the field of its claim or in the box of the others."""
        for fault in faults:
            top, _, claim = fault["pointer"].strip("/").partition("/")
            claim = claim.replace("~1", "/").replace("~0", "~")
            field = claim if claim in self.fields else "more" if top == "claims" else top
            what = f"{claim} " if field == "more" and claim else f"{self.fields[field].label or field.capitalize()} "
            self.add_error(field if field in self.fields else None, f"{what}{fault['detail']}.")


def lines_of(text: str) -> list[str]:
    """The entries of a box with one per line: trimmed, empty lines dropped."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _lines_box() -> forms.Textarea:
    return forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"})
