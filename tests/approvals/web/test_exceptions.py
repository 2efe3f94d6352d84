"""The pages of exceptions: the register, asking, deciding and closing, and who may."""

import pytest
from django.test import Client
from django.urls import reverse

from approvals.models import GateException
from portal.identity.models import Person
from registry.models import Agent
from tests.approvals.asking import ask
from tests.approvals.exceptional import WHY, exception_of, open_exception
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in

ASK = {"actions": ["pr.merge"], "minutes": "60", "reason": WHY, "repository": "", "environment": "", "owner": ""}


def browser(person: Person) -> Client:
    client = Client()
    sign_in(client, person)
    return client


def ask_url(agent: Agent, kind: str = "break-glass") -> str:
    return reverse("approvals:exception_ask", args=[agent.slug, kind])


@pytest.mark.django_db(transaction=True)
class TestAsking:
    def test_it_is_asked_by_a_form_and_stands_in_the_register(self, organisation: Organisation, agent: Agent) -> None:
        client = browser(organisation.member)
        answer = client.post(ask_url(agent), ASK)
        exception = GateException.objects.get()
        assert answer["Location"] == reverse("approvals:exception", args=[exception.number])
        assert exception.label in client.get(reverse("approvals:exceptions")).content.decode()

    def test_what_was_typed_is_kept_and_the_fault_named(self, organisation: Organisation, agent: Agent) -> None:
        answer = browser(organisation.member).post(ask_url(agent), {**ASK, "reason": "now", "repository": "acme/x*"})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert not GateException.objects.exists()
        assert "must say why" in page
        assert 'value="acme/x*"' in page

    def test_only_what_this_kind_may_open_is_offered(self, organisation: Organisation, agent: Agent) -> None:
        client = browser(organisation.member)
        glass, planned = (client.get(ask_url(agent, kind)).content.decode() for kind in ("break-glass", "exception"))
        assert "push.force" in glass
        assert "push.force" not in planned
        for page in (glass, planned):
            assert 'value="unknown"' not in page
            assert 'value="secret.read"' not in page
            assert 'value="read"' not in page

    @pytest.mark.parametrize("field", ["actions", "minutes"])
    def test_a_form_that_was_tampered_with_is_refused(
        self, organisation: Organisation, agent: Agent, field: str
    ) -> None:
        forged = {"actions": ["secret.read"], "minutes": "100000"}[field]
        answer = browser(organisation.member).post(ask_url(agent), {**ASK, field: forged})
        assert answer.status_code == 422
        assert not GateException.objects.exists()

    def test_an_auditor_asks_for_nothing(self, organisation: Organisation, agent: Agent) -> None:
        assert browser(organisation.auditor).post(ask_url(agent), ASK).status_code == 403
        page = browser(organisation.auditor).get(reverse("approvals:agent_exceptions", args=[agent.slug]))
        assert "Ask for an exception" not in page.content.decode()


@pytest.mark.django_db(transaction=True)
class TestDeciding:
    def test_the_one_who_asked_sees_why_not_and_is_refused(self, organisation: Organisation, agent: Agent) -> None:
        exception = exception_of(organisation, agent, actor=organisation.approver)
        client, act = (
            browser(organisation.approver),
            reverse("approvals:exception_act", args=[exception.number, "grant"]),
        )
        page = client.get(reverse("approvals:exception", args=[exception.number])).content.decode()
        assert act not in page
        assert client.get(act).status_code == 403
        assert client.post(act, {"reason": "I agree with myself."}).status_code == 403

    def test_granting_using_and_closing_by_pages(self, organisation: Organisation, agent: Agent) -> None:
        exception = exception_of(organisation, agent)
        url = reverse("approvals:exception", args=[exception.number])
        approver, token = browser(organisation.approver), credential_for(organisation, agent)
        assert exception.label in approver.get(reverse("approvals:home_exceptions")).content.decode()
        assert approver.get(f"{url}grant/").status_code == 200
        assert approver.post(f"{url}grant/", {"reason": ""}).status_code == 422
        assert approver.post(f"{url}grant/", {"reason": "Agreed on the call."})["Location"] == url
        answer = ask(token)
        page = approver.get(url).content.decode()
        assert f"/runs/{answer.run_id}/" in page
        assert "Open now" in page
        assert "You granted this, so somebody else must look" in page
        assert f"{url}close/" not in page
        assert f"{url}revoke/" in page
        assert approver.post(f"{url}close/", {"note": "One merge, it is fine."}).status_code == 403
        other = browser(organisation.second_approver)
        assert other.post(f"{url}close/", {"note": "One merge, it is fine."})["Location"] == url
        exception.refresh_from_db()
        assert (exception.state, exception.closed_by) == ("closed", organisation.second_approver)
        assert other.post(f"{url}close/", {"note": "Once more, please."}).status_code == 409

    def test_an_act_that_is_none_is_not_found(self, organisation: Organisation, agent: Agent) -> None:
        exception = exception_of(organisation, agent)
        assert browser(organisation.security).get(f"/approvals/EX-{exception.number}/extend/").status_code == 404

    def test_a_safe_method_changes_nothing(self, organisation: Organisation, agent: Agent) -> None:
        exception = open_exception(organisation, agent)
        client = browser(organisation.approver)
        for verb in ("revoke", "close"):
            assert client.get(f"/approvals/EX-{exception.number}/{verb}/").status_code == 200
            assert client.head(f"/approvals/EX-{exception.number}/{verb}/").status_code == 200
        exception.refresh_from_db()
        assert exception.state == "granted"

    def test_open_debt_stands_before_what_is_settled(self, organisation: Organisation, agent: Agent) -> None:
        first = open_exception(organisation, agent)
        second = exception_of(organisation, agent, actions=["pr.open"], actor=organisation.second_manager)
        page = browser(organisation.manager).get(reverse("approvals:exceptions")).content.decode()
        assert page.index(first.label) < page.index(second.label)
        shown = browser(organisation.manager).get(reverse("approvals:exceptions") + "?show=asked").content.decode()
        assert first.label not in shown
        assert second.label in shown

    def test_another_team_learns_nothing(self, organisation: Organisation, agent: Agent) -> None:
        exception = open_exception(organisation, agent)
        client = browser(organisation.outsider)
        assert client.get(f"/approvals/EX-{exception.number}/").status_code == 404
        assert client.post(f"/approvals/EX-{exception.number}/close/", {"note": "All is well."}).status_code == 404
        assert exception.label not in client.get(reverse("approvals:exceptions")).content.decode()
