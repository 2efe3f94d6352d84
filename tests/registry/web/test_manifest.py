"""The import pages and the API of policy files."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from registry.models import Agent
from registry.rules.manifest_schema import schema
from registry.selectors.manifest import file_of
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager(client: Client, organisation: Organisation) -> Client:
    client.force_login(organisation.manager)
    return client


def test_upload_plan_apply(manager: Client, agent: Agent) -> None:
    text = file_of([agent]).replace("files: 20", "files: 7")
    upload = SimpleUploadedFile("agents.yml", text.encode())
    plan = manager.post("/import/", {"kind": "file", "upload": upload, "reason": "smaller changes"})
    assert plan.status_code == 200
    assert b"Files in one change: 20 before, 7 now." in plan.content
    assert Agent.objects.select_related("revision").get(pk=agent.pk).revision.number == 1  # type: ignore[union-attr]
    digest = plan.context["plan"].digest
    done = manager.post(
        "/import/", {"kind": "file", "text": plan.context["text"], "reason": "smaller changes", "digest": digest}
    )
    assert b"Revision 2 of the policy of Payments Refactorer is in force." in done.content
    stale = manager.post("/import/", {"kind": "file", "text": text, "reason": "smaller", "digest": digest})
    assert stale.status_code == 409
    assert b"changed since this plan" in stale.content


def test_faults_have_lines_and_what_was_pasted_stays(manager: Client, agent: Agent) -> None:
    text = file_of([agent]).replace("read: free", "read: perhaps")
    answer = manager.post("/import/", {"kind": "file", "text": text, "reason": "x"})
    line = text[: text.index("read: perhaps")].count("\n") + 1
    assert answer.status_code == 422
    assert f'<td class="num">{line}</td>'.encode() in answer.content
    assert b"read: perhaps" in answer.content
    empty = manager.post("/import/", {"kind": "file", "reason": "x"})
    assert empty.status_code == 422
    binary = manager.post("/import/", {"kind": "file", "upload": SimpleUploadedFile("a", b"\xff\xfe"), "reason": "x"})
    assert b"not UTF-8" in binary.content


def test_a_gate_file_tells_what_maps(manager: Client, agent: Agent) -> None:
    gate = "limits: {max_files: 5}\ngates: {syntax: {enabled: true}}\n"
    plan = manager.post("/import/", {"kind": "gate", "agent": agent.slug, "text": gate, "reason": "from the gate"})
    assert plan.status_code == 200
    assert b"Became limits.files." in plan.content
    assert b"Not taken over. A gate on the quality of code." in plan.content
    nobody = manager.post("/import/", {"kind": "gate", "text": gate, "reason": "x"})
    assert b"Say which agent" in nobody.content


def test_export(manager: Client, agent: Agent, organisation: Organisation) -> None:
    answer = manager.get(f"/agents/{agent.slug}/policy.yml")
    assert answer["Content-Disposition"] == 'attachment; filename="payments-refactorer.yml"'
    assert answer.content.decode() == file_of([agent])
    elsewhere = "/accounts/reauthenticate/?next=%2Fimport%2F"
    assert manager.get("/agents/export.yml").headers["Location"] == elsewhere, "all at once takes a fresh proof"
    manager.logout()
    sign_in(manager, organisation.manager)
    assert agent.name.encode() in manager.get("/agents/export.yml").content
    manager.logout()
    sign_in(manager, organisation.outsider)
    assert agent.name.encode() not in manager.get("/agents/export.yml").content


def test_over_the_api(manager: Client, agent: Agent, organisation: Organisation) -> None:
    text = manager.get(f"/api/v1/agents/{agent.slug}/export").content.decode().replace("files: 20", "files: 7")
    plan = manager.post("/api/v1/import", json.dumps({"text": text, "reason": "r"}), content_type="application/json")
    assert [step["kind"] for step in plan.json()["steps"]] == ["tighten"]
    body = {"text": text, "reason": "r", "digest": plan.json()["digest"]}
    done = manager.post("/api/v1/import", json.dumps(body), content_type="application/json")
    assert [step["done"] for step in done.json()["steps"]] == [True]
    again = manager.post("/api/v1/import", json.dumps(body), content_type="application/json")
    assert again.status_code == 409
    bad = manager.post(
        "/api/v1/import", json.dumps({"text": "agents: 1", "reason": "r"}), content_type="application/json"
    )
    assert bad.status_code == 400
    assert bad.json()["errors"][0]["detail"].startswith("line 1:")
    assert manager.get("/api/v1/schemas/policy-file.json").json() == schema()


def test_report_and_drift_page(manager: Client, agent: Agent, organisation: Organisation) -> None:
    token = credential_for(organisation, agent)
    body = {"repository": "acme/payments", "path": "b.yml", "commit": "abc123", "text": file_of([agent])}
    answer = Client().post(
        f"/api/v1/agents/{agent.slug}/policy-file",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.content
    page = manager.get("/import/drift/")
    assert b"Same as the policy in force." in page.content
    unsigned = Client().post(
        f"/api/v1/agents/{agent.slug}/policy-file", json.dumps(body), content_type="application/json"
    )
    assert unsigned.status_code == 401
