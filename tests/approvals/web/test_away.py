"""The pages and the API of being away: who sees what, what a form keeps, what ending touches."""

import json
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from approvals.models import Delegation
from approvals.services.notices import choose_notices
from approvals.web.away_forms import AwayForm
from portal.identity.models import Person
from portal.identity.services.people import deactivate_person
from portal.identity.services.tokens import issue_token
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from tests.approvals.asking import opened
from tests.approvals.services.test_mine import say
from tests.approvals.standing_in import account, away, one_person
from tests.organisation import Organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def browser_of(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    sign_in(client, person)
    return client


def client_of(person: Person) -> Client:
    _, text = issue_token(person=person, name="tests", days=7)
    return Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)


def later(**time: int) -> str:
    return (database_now() + timedelta(**time)).strftime("%Y-%m-%dT%H:%M")


def test_from_saying_so_to_ending_it(organisation: Organisation, token: str) -> None:
    approver, member = browser_of(organisation.approver), browser_of(organisation.member)
    page = approver.get("/approvals/away/new/").text
    assert "Eli Member" in page
    assert "Fay Security" in page
    assert "Gus Auditor" not in page
    form = {"receiver": str(organisation.member.pk), "ends_at": later(days=3), "reason": "On <b>leave</b>."}
    assert approver.post("/approvals/away/new/", form).status_code == 302
    mine, theirs = (client.get("/approvals/away/").text for client in (approver, member))
    assert "On &lt;b&gt;leave&lt;/b&gt;." in mine
    assert "Cleo Approver" in theirs
    request = opened(token, session_id="pair")
    assert request.label in member.get("/approvals/").text
    say(request, organisation.member, giver=organisation.approver)
    row = Delegation.objects.get()
    sure = member.get(f"/approvals/away/{row.pk}/end/").text
    assert "1 grant not used yet" in " ".join(sure.split()).replace("</li>", "")
    assert Delegation.objects.get().ended_at is None
    assert member.post(f"/approvals/away/{row.pk}/end/").status_code == 302
    assert Delegation.objects.get().ended_by == organisation.member
    assert "ended already" in member.post(f"/approvals/away/{row.pk}/end/", follow=True).text


@pytest.mark.parametrize("change", [{"ends_at": "nonsense"}, {"ends_at": ""}, {"receiver": "x"}, {"ends_at": "late"}])
def test_a_form_that_is_refused_keeps_what_was_typed(organisation: Organisation, change: dict[str, str]) -> None:
    form = {"receiver": str(organisation.member.pk), "ends_at": later(days=1), "reason": "Typed with care."}
    if change.get("ends_at") == "late":
        change = {"ends_at": later(days=99)}
    answer = browser_of(organisation.approver).post("/approvals/away/new/", {**form, **change})
    assert answer.status_code == 422
    assert "Typed with care." in answer.text
    assert not Delegation.objects.exists()


def test_a_manager_says_it_of_the_team(organisation: Organisation) -> None:
    manager = browser_of(organisation.manager)
    form = {
        "giver": str(organisation.approver.pk),
        "receiver": str(organisation.second_approver.pk),
        "ends_at": later(days=1),
        "reason": "Ill.",
    }
    assert manager.post("/approvals/away/new/?team=1", form).status_code == 302
    assert "arranged by Ada Manager" in manager.get("/approvals/away/").text
    # Whoever manages nobody gets the form for themselves, whatever the address says.
    other = browser_of(organisation.second_approver)
    assert other.post("/approvals/away/new/?team=1", {**form, "receiver": ""}).status_code == 302
    assert Delegation.objects.order_by("id").last().giver == organisation.second_approver  # type: ignore[union-attr]


def test_who_cannot_be_chosen_is_not_offered(organisation: Organisation) -> None:
    twin = account(organisation, "approver+two@example.test", "Cleo Twin")
    one_person(organisation, organisation.second_approver, organisation.security)
    deactivate_person(actor=SYSTEM, person=organisation.member)
    page = browser_of(organisation.second_approver).get("/approvals/away/new/").text
    assert "Eli Member" not in page  # closed
    assert "Fay Security" not in page  # the same person
    assert twin.name not in page  # of no team


def test_the_times_are_those_of_ones_own_time_zone(organisation: Organisation) -> None:
    """Taken, shown and told by the clocks of whoever fills the form in; what is stored is the instant."""
    choose_notices(actor=organisation.approver, kinds=None, timezone="Asia/Kathmandu")
    client, zone = browser_of(organisation.approver), ZoneInfo("Asia/Kathmandu")
    page = client.get("/approvals/away/new/").text
    assert "From (Asia/Kathmandu)" in page
    assert "To (Asia/Kathmandu)" in page
    assert f'value="{(database_now() + timedelta(days=7)).astimezone(zone):%Y-%m-%dT}' in page
    end = (database_now() + timedelta(days=3)).replace(second=0, microsecond=0)
    form = {"receiver": str(organisation.member.pk), "ends_at": f"{end.astimezone(zone):%Y-%m-%dT%H:%M}"}
    refused = client.post("/approvals/away/new/", form)
    assert f'value="{form["ends_at"]}"' in refused.text
    said = client.post("/approvals/away/new/", {**form, "reason": "On leave."}, follow=True).text
    row = Delegation.objects.get()
    assert row.ends_at == end
    there = f"{end.astimezone(zone):%H:%M}"
    assert f"{there} (Asia/Kathmandu)." in said
    assert "times in Asia/Kathmandu" in said
    assert f", {there}</time>" in said
    # The one who stands in chose no zone: as the browser's clocks are, and in UTC without scripts.
    theirs = browser_of(organisation.member).get("/approvals/away/").text
    assert "times in" not in theirs
    assert f", {end.astimezone(UTC):%H:%M} UTC</time>" in theirs


def test_who_chose_no_time_zone_is_told_that_it_is_utc(organisation: Organisation) -> None:
    page = browser_of(organisation.approver).get("/approvals/away/new/").text
    assert "To (UTC)" in page
    assert "Choose your own time zone" in page


@pytest.mark.parametrize("hour", ["2027-03-28T02:30", "2027-10-31T02:30"], ids=["there is none", "there are two"])
def test_an_hour_in_which_the_clocks_change_is_not_guessed_at(organisation: Organisation, hour: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    form = AwayForm({"ends_at": hour}, person=organisation.approver, managed=False, zone=zone)
    assert form.errors["ends_at"] == [
        "The clocks of Europe/Berlin are changed in that hour: it comes twice or not at all. Choose another."
    ]


def test_others_learn_nothing(organisation: Organisation) -> None:
    row = away(organisation.approver, organisation.member, reason="Ill.")
    outsider = browser_of(organisation.outsider)
    assert "Ill." not in outsider.get("/approvals/away/").text
    assert outsider.get(f"/approvals/away/{row.pk}/end/").status_code == 404
    assert outsider.post(f"/approvals/away/{row.pk}/end/").status_code == 404
    auditor = browser_of(organisation.auditor)
    assert "Ill." in auditor.get("/approvals/away/").text
    assert auditor.post(f"/approvals/away/{row.pk}/end/").status_code == 403
    assert Delegation.objects.get().ended_at is None


def test_what_it_says_of_absences_that_run_beside_each_other(organisation: Organisation) -> None:
    """Nothing is said to end that another one keeps up."""
    first = away(organisation.approver, organisation.member)
    second = away(organisation.approver, organisation.member)
    approver = browser_of(organisation.approver)
    sure = approver.get(f"/approvals/away/{first.pk}/end/").text
    assert "goes on deciding for Cleo Approver" in sure
    assert "no longer counted" not in sure
    said = approver.post(f"/approvals/away/{first.pk}/end/", follow=True).text
    assert "By another absence Eli Member still decides for Cleo Approver" in said
    assert "goes on deciding" not in approver.get(f"/approvals/away/{second.pk}/end/").text
    said = approver.post(f"/approvals/away/{second.pk}/end/", follow=True).text
    assert "Eli Member decides for Cleo Approver no more." in said
    over = approver.get(f"/approvals/away/{second.pk}/end/").text
    assert "ended already" in over
    assert "End it" not in over
    nobody, still = away(organisation.approver, None), away(organisation.approver, None)
    assert "stays away until" in approver.get(f"/approvals/away/{nobody.pk}/end/").text
    said = approver.post(f"/approvals/away/{nobody.pk}/end/", follow=True).text
    assert "By another absence Cleo Approver is still away" in said
    assert "It has ended for Cleo Approver." in approver.post(f"/approvals/away/{still.pk}/end/", follow=True).text


def test_who_stands_in_and_is_not_there_is_said_to_be(organisation: Organisation) -> None:
    begin = database_now() + timedelta(days=2)
    away(organisation.member, organisation.second_approver, starts_at=begin, ends_at=begin + timedelta(days=2))
    approver = browser_of(organisation.approver)
    form = {"receiver": str(organisation.member.pk), "ends_at": later(days=1), "reason": "On leave."}
    assert "away in that time too" not in approver.post("/approvals/away/new/", form, follow=True).text
    said = approver.post("/approvals/away/new/", {**form, "ends_at": later(days=3)}, follow=True).text
    assert "Eli Member is away in that time too, so nobody may be told." in said
    assert said.count("away too: nobody may be told") == 1
    deactivate_person(actor=SYSTEM, person=organisation.member)
    assert approver.get("/approvals/away/").text.count("account closed: nobody decides") == 2


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(f"/api/v1/delegations{path}", json.dumps(body), content_type="application/json", headers=headers)


def test_over_the_api(organisation: Organisation) -> None:
    client = client_of(organisation.approver)
    body = {
        "receiver": str(organisation.member.pk),
        "ends_at": (database_now() + timedelta(days=2)).isoformat(),
        "reason": "On leave.",
    }
    made = post(client, "", body, **{"Idempotency-Key": "once"})
    again = post(client, "", body, **{"Idempotency-Key": "once"})
    assert (made.status_code, again.status_code) == (201, 201)
    assert Delegation.objects.count() == 1
    assert made.json()["receiver"]["name"] == "Eli Member"
    listed = client_of(organisation.member).get("/api/v1/delegations").json()["results"]
    assert [one["id"] for one in listed] == [made.json()["id"]]
    assert client_of(organisation.outsider).get("/api/v1/delegations").json()["results"] == []
    assert post(client_of(organisation.outsider), f"/{made.json()['id']}/end", {}).status_code == 404
    assert post(client, f"/{made.json()['id']}/end", {}).json()["ended_at"]
    assert post(client, f"/{made.json()['id']}/end", {}).status_code == 409


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"ends_at": "2020-01-01T00:00:00Z"}, 400),
        ({"receiver": "01890000-0000-7000-8000-000000000000"}, 400),
        ({"made_by": "x"}, 400),
        ({"reason": ""}, 400),
        ({"giver": "second"}, 403),
    ],
    ids=str,
)
def test_what_the_api_refuses(organisation: Organisation, change: dict[str, str], status: int) -> None:
    if change.get("giver"):
        change = {"giver": str(organisation.second_approver.pk)}
    body = {"ends_at": (database_now() + timedelta(days=2)).isoformat(), "reason": "On leave.", **change}
    assert post(client_of(organisation.approver), "", body).status_code == status
    assert not Delegation.objects.exists()
