"""Who may ask for, see, cancel and take packages: over every address, for every persona."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.test import Client

from portal.identity.rules.roles import Role
from portal.identity.services.people import remove_role
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from reports.models import Package, PackageDownload
from reports.rules.package import PackageScope
from reports.selectors.packages import package_path
from reports.services.package import request_package
from tests.organisation import Organisation, active_agent
from tests.reports.packages.ledger import UNCLOSED_PROFILE, ask_for_package, built, seal_all
from tests.sign_in import sign_in

pytestmark = [pytest.mark.django_db(transaction=True), UNCLOSED_PROFILE]
TAKERS = {"manager", "second_manager", "security", "auditor"}


def _client(organisation: Organisation, who: str) -> Client:
    client = Client()
    sign_in(client, organisation.people[who])
    return client


@pytest.fixture
def queued(organisation: Organisation) -> Package:
    return request_package(
        actor=organisation.auditor,
        scope=PackageScope.TEAM,
        team=organisation.payments,
        start=database_now() - timedelta(days=1),
        title="<script>alert(1)</script>\u202e",
    )


def test_every_address_of_a_teams_package(organisation: Organisation, queued: Package) -> None:
    page, api = f"/packages/PK-{queued.number}/", f"/api/v1/packages/PK-{queued.number}"
    for who in organisation.people:
        client, mine = _client(organisation, who), who in TAKERS
        assert client.get(page).status_code == (200 if mine else 404), who
        assert client.get(f"{page}progress/").status_code == (200 if mine else 404), who
        assert client.get(api).status_code == (200 if mine else 404), who
        assert client.post(f"{page}download/").status_code == (409 if mine else 404), who
        assert client.get(f"{api}/download").status_code == (409 if mine else 404), who
        shown = json.loads(client.get("/api/v1/packages").content)["results"]
        assert [item["id"] for item in shown] == ([str(queued.pk)] if mine else []), who
        assert (queued.label in client.get("/packages/").content.decode()) is mine, who
    for who in sorted(set(organisation.people) - TAKERS):
        client = _client(organisation, who)
        for address in (f"{page}cancel/", f"{page}again/", f"{api}/cancel"):
            assert client.post(address).status_code == 404, (who, address)
    assert Package.objects.get().state == "queued"
    assert _client(organisation, "manager").post(f"{page}cancel/").status_code == 302
    assert Package.objects.get().state == "cancelled"


def test_the_whole_organisation_is_for_auditors_and_security(organisation: Organisation) -> None:
    body = {"scope": "all", "start": (database_now() - timedelta(days=1)).isoformat()}
    for who in organisation.people:
        response = _client(organisation, who).post("/api/v1/packages", json.dumps(body), "application/json")
        assert response.status_code == (201 if who in {"auditor", "security"} else 403), who
    assert Package.objects.count() == 2


def test_a_manager_asks_for_the_own_team_and_its_agents_only(organisation: Organisation) -> None:
    agent = active_agent(organisation)
    start = (database_now() - timedelta(days=1)).isoformat()
    scopes: list[dict[str, Any]] = [{"scope": "team", "team": "payments"}, {"scope": "agent", "agent": agent.slug}]
    for scope in scopes:
        body = json.dumps({**scope, "start": start})
        assert _client(organisation, "manager").post("/api/v1/packages", body, "application/json").status_code == 201
        refused = _client(organisation, "outsider").post("/api/v1/packages", body, "application/json")
        assert refused.status_code == 400
    assert Package.objects.count() == 2


def test_a_lost_role_takes_the_packages_away(organisation: Organisation, queued: Package) -> None:
    client = _client(organisation, "auditor")
    assert client.get(f"/packages/PK-{queued.number}/").status_code == 200
    remove_role(actor=SYSTEM, person=organisation.auditor, role=Role.AUDITOR)
    assert client.get(f"/packages/PK-{queued.number}/").status_code == 404


def test_text_is_inert_on_the_pages(organisation: Organisation, queued: Package) -> None:
    for address in ("/packages/", f"/packages/PK-{queued.number}/"):
        content = _client(organisation, "auditor").get(address).content.decode()
        assert "<script>alert(1)" not in content
        assert "&lt;script&gt;alert(1)" in content
        assert "\u202e" not in content


def test_a_package_from_form_to_download(organisation: Organisation) -> None:
    client = _client(organisation, "auditor")
    key = str(uuid4())
    form = {"period": "7-days", "scope": "all", "title": "", "key": key}
    preview = client.get("/packages/new/", form, headers={"HX-Request": "true"}).content.decode()
    assert "What you will get" in preview
    assert "<html" not in preview
    first, second = client.post("/packages/new/", form), client.post("/packages/new/", form)
    assert first.status_code == second.status_code == 302
    assert first["Location"] == second["Location"], "the same form sent twice is one package"
    package = Package.objects.get()
    assert 'hx-trigger="every 1s"' in client.get(first["Location"]).content.decode()
    built(_sealed(package))
    polled = client.get(f"{first['Location']}progress/")
    assert polled["HX-Refresh"] == "true"
    page = client.get(first["Location"]).content.decode()
    assert package.label in page
    assert "every 1s" not in page
    assert "What this package cannot prove" in page
    response = client.post(f"{first['Location']}download/")
    assert response["Content-Disposition"] == f'attachment; filename="{package.label}.zip"'
    assert response["Content-Type"] == "application/zip"
    with ZipFile(BytesIO(response.getvalue())) as archive:
        assert "manifest.json" in archive.namelist()
    assert PackageDownload.objects.get().person == organisation.auditor
    assert Entry.objects.filter(type="reports.package.downloaded").count() == 1
    assert "Gus Auditor" in client.get(first["Location"]).content.decode()


def _sealed(package: Package) -> Package:
    seal_all()
    return package


def test_a_vanished_file_is_said_and_not_recorded(organisation: Organisation) -> None:
    package = built(ask_for_package(organisation.auditor))
    package_path(package).unlink()
    response = _client(organisation, "auditor").post(f"/packages/PK-{package.number}/download/")
    assert response.status_code == 503
    assert not PackageDownload.objects.exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"period": "custom"}, "Choose a day."),
        ({"period": "custom", "first_day": "2020-01-01", "last_day": "2026-01-01"}, "longer than 400 days"),
        ({"period": "custom", "first_day": "2999-01-01", "last_day": "2999-01-02"}, "future"),
        ({"period": "custom", "first_day": "2026-02-02", "last_day": "2026-01-01"}, "begin before it ends"),
        ({"period": "nonsense"}, "valid choice"),
        ({"period": "7-days", "scope": "team:nobody"}, "valid choice"),
    ],
)
def test_a_form_that_cannot_be_is_kept_and_explained(
    fields: dict[str, str], says: str, organisation: Organisation
) -> None:
    response = _client(organisation, "auditor").post("/packages/new/", {"scope": "all", "title": "kept", **fields})
    assert response.status_code == 422
    assert says in response.content.decode()
    assert "kept" in response.content.decode()
    assert not Package.objects.exists()


def test_the_api_answers_a_repeated_key_with_the_same_package(organisation: Organisation) -> None:
    client = _client(organisation, "auditor")
    body = json.dumps({"scope": "all", "start": (database_now() - timedelta(days=1)).isoformat()})
    answers = [
        client.post("/api/v1/packages", body, "application/json", headers={"Idempotency-Key": "k1"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert json.loads(answers[0].content)["id"] == json.loads(answers[1].content)["id"]
    assert Package.objects.count() == 1


def test_a_queue_of_ones_own_has_an_end(organisation: Organisation) -> None:
    client = _client(organisation, "auditor")
    body = json.dumps({"scope": "all", "start": (database_now() - timedelta(days=1)).isoformat()})
    statuses = [client.post("/api/v1/packages", body, "application/json").status_code for _ in range(6)]
    assert statuses == [201] * 5 + [429]
