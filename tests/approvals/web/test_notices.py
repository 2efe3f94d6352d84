"""The pages of notices, channels and deliveries, as people use them."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from approvals.models import Channel, Delivery, NoticeChoice
from approvals.services.deliveries import claim, mark_failed
from approvals.services.notices import choose_notices, send_test
from tests.organisation import Organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
TICKED = r'<input[^>]*name="(?:kinds|digest)"[^>]* checked'
WEBHOOK = {"kind": "webhook", "name": "Hook", "address": "https://hooks.example.com/services/T00/B00/the-key"}


def added(client: Client, **more: str) -> str:
    """A webhook of Payments, added through the form; what the answer shows."""
    response = client.post("/approvals/channels/add/", {**WEBHOOK, "about": "team:payments", **more})
    assert response.status_code == 200, response.content
    return response.content.decode()


def test_choices_are_kept_and_shown_again(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.approver)
    page = client.get("/approvals/notices/").content.decode()
    assert len(re.findall(TICKED, page)) == 7, "six kinds and how"
    said = {
        "kinds": ["approvals.request.opened"],
        "digest": "daily",
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "timezone": "Europe/Madrid",
    }
    assert client.post("/approvals/notices/", said).status_code == 302
    choice = NoticeChoice.objects.get(person=organisation.approver)
    assert choice.events == ["approvals.request.opened"]
    page = client.get("/approvals/notices/").content.decode()
    assert len(re.findall(TICKED, page)) == 2
    assert 'value="22:00"' in page
    assert '<option value="Europe/Madrid" selected>' in page


def test_a_zone_that_the_list_leaves_out_stays_chosen(client: Client, organisation: Organisation) -> None:
    choose_notices(actor=organisation.approver, kinds=None, timezone="US/Eastern")
    sign_in(client, organisation.approver)
    page = client.get("/approvals/notices/").content.decode()
    assert re.findall(r'<option value="([^"]*)" selected>', page) == ["US/Eastern"]
    assert client.post("/approvals/notices/", {"digest": "hourly", "timezone": "US/Eastern"}).status_code == 302


def test_a_choice_that_makes_no_sense_keeps_what_was_typed(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.approver)
    said = {"kinds": ["approvals.request.opened"], "digest": "none", "quiet_from": "22:00", "timezone": "UTC"}
    response = client.post("/approvals/notices/", said)
    assert response.status_code == 422
    assert b"quiet hours begin and end" in response.content
    assert b'value="22:00"' in response.content
    assert client.post("/approvals/notices/", {**said, "timezone": "Mars/Base"}).status_code == 422
    assert not NoticeChoice.objects.exists()


def test_a_test_mail_is_queued_and_seen(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.member)
    page = client.post("/approvals/notices/test/", follow=True).content.decode()
    assert "is on its way" in page
    assert "The last mails to you" in page
    page = client.post("/approvals/notices/test/", follow=True).content.decode()
    assert "already" in page
    assert Delivery.objects.filter(person=organisation.member).count() == 1


def test_a_secret_is_shown_once(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    page = added(client)
    (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", page))
    channel = Channel.objects.get()
    for address in ("", f"{channel.pk}/", f"{channel.pk}/change/", f"{channel.pk}/end/"):
        text = client.get(f"/approvals/channels/{address}").content.decode()
        assert secret not in text
        assert "the-key" not in text
        assert "hooks.example.com/…" in text


def test_the_answer_with_a_secret_is_not_kept(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    response = client.post("/approvals/channels/add/", {**WEBHOOK, "about": "team:payments"})
    assert "no-store" in response["Cache-Control"]


def test_a_channel_takes_a_fresh_proof(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    session = client.session
    old = (timezone.now() - timedelta(hours=1)).timestamp()
    session["account_authentication_methods"] = [
        {**record, "at": old} for record in session["account_authentication_methods"]
    ]
    session.save()
    response = client.post("/approvals/channels/add/", {**WEBHOOK, "about": "team:payments"})
    assert response.status_code == 302
    assert "reauthenticate" in response["Location"]
    assert not Channel.objects.exists()


def test_a_manager_is_offered_the_own_teams_alone(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    page = client.get("/approvals/channels/add/").content.decode()
    assert "team:payments" in page
    assert "team:platform" not in page
    assert 'value="all"' not in page
    for about in ("team:platform", "all", "agent:payments-refactorer", ""):
        response = client.post("/approvals/channels/add/", {**WEBHOOK, "about": about})
        assert response.status_code == 422
        assert b"the-key" in response.content, "what was typed is kept"
    assert not Channel.objects.exists()


def test_an_address_that_is_refused_says_why(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    said = {**WEBHOOK, "about": "team:payments", "address": "https://169.254.169.254:80/x"}
    response = client.post("/approvals/channels/add/", said)
    assert response.status_code == 422
    assert b"Port 80 is not allowed" in response.content


def test_changing_the_host_shows_a_new_secret(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    first = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", added(client)))
    where = f"/approvals/channels/{Channel.objects.get().pk}/change/"
    assert client.post(where, {"name": "Renamed", "address": ""}).status_code == 302
    moved = client.post(where, {"name": "Renamed", "address": "https://other.example.com/x"})
    assert set(re.findall(r"whsec_[A-Za-z0-9+/=]+", moved.content.decode())).isdisjoint(first | {""})
    assert "whsec_" in moved.content.decode()


def test_ending_asks_first(client: Client, organisation: Organisation) -> None:
    sign_in(client, organisation.manager)
    added(client)
    channel = Channel.objects.get()
    client.post(f"/approvals/channels/{channel.pk}/test/")
    page = client.get(f"/approvals/channels/{channel.pk}/end/").content.decode()
    assert "1 message waits" in page
    client.post(f"/approvals/channels/{channel.pk}/end/")
    assert Delivery.objects.get().state == "dropped"
    assert b"Its address and secret are forgotten" in client.get(f"/approvals/channels/{channel.pk}/").content


def test_what_was_given_up_stands_first_and_is_sent_again(client: Client, organisation: Organisation) -> None:
    send_test(actor=organisation.member)
    mark_failed(claim(), "The mail server <b>refused</b> this mail.", final=True)
    send_test(actor=organisation.approver)
    sign_in(client, organisation.operator)
    page = client.get("/approvals/deliveries/").content.decode()
    assert page.index("Eli Member") < page.index("Cleo Approver")
    assert "&lt;b&gt;refused" in page
    assert "Eli Member" not in client.get("/approvals/deliveries/?state=waiting").content.decode()
    assert "Eli Member" in client.get("/approvals/deliveries/?state=dead&kind=mail&event=test").content.decode()
    assert "No delivery matches" in client.get("/approvals/deliveries/?kind=slack").content.decode()
    assert client.get("/approvals/deliveries/?state=nonsense").status_code == 200
    row = Delivery.objects.get(state="dead")
    assert client.get(f"/approvals/deliveries/{row.pk}/replay/").status_code == 405
    client.post(f"/approvals/deliveries/{row.pk}/replay/")
    row.refresh_from_db()
    assert row.state == "waiting"


def test_all_are_sent_again_after_a_question(client: Client, organisation: Organisation) -> None:
    send_test(actor=organisation.member)
    mark_failed(claim(), "No.", final=True)
    sign_in(client, organisation.security)
    assert b"1 message that was given up is tried again" in client.get("/approvals/deliveries/replay/").content
    assert Delivery.objects.get().state == "dead", "asking changes nothing"
    client.post("/approvals/deliveries/replay/")
    assert Delivery.objects.get().state == "waiting"
