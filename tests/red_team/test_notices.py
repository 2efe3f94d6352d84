"""The links and messages that leave the portal: what a scanner, a forwarder and a hostile receiver get out of them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as portal_settings
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from approvals.jobs.deliver import deliver_due
from approvals.jobs.notify import TYPES, notify
from approvals.models import ApprovalRequest, Channel, Delivery, Grant, Review
from approvals.rules.notices import ChannelKind
from approvals.services.channels import add_channel, change_channel, try_channel
from approvals.services.notices import send_test
from portal.identity.models import Person
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.organisation import Organisation, active_agent, credential_for
from tests.receiver import HOST, OTHER_HOST, Names, Receiver, names, receiver, receiving_server
from tests.sign_in import sign_in

__all__ = ["names", "receiver", "receiving_server"]
pytestmark = pytest.mark.django_db(transaction=True)
PREFETCH = {"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Moz": "prefetch"}
INSIDE = [
    "https://127.0.0.1/",
    "https://localhost/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://user@hooks.example.com/",
    "https://hooks.example.com:8443/",
    "http://hooks.example.com/",
]


@pytest.fixture
def token(organisation: Organisation) -> str:
    return credential_for(organisation, active_agent(organisation))


def follow() -> None:
    """Everything that the log says, told and sent."""
    notify(list(Entry.objects.filter(type__in=TYPES).order_by("recorded_at")))
    deliver_due()


def world() -> tuple[Any, ...]:
    """What a link must not change; that somebody's verdict was refused is kept of whoever tried it."""
    return (
        Entry.objects.exclude(type="approvals.verdict.refused").count(),
        list(Review.objects.values_list("pk", flat=True).order_by("pk")),
        list(Grant.objects.values_list("pk", "state").order_by("pk")),
        list(ApprovalRequest.objects.values_list("number", "state", "state_reason").order_by("number")),
        list(Delivery.objects.values_list("pk", "state").order_by("pk")),
        list(Channel.objects.values_list("pk", "ended_at").order_by("pk")),
    )


def links(receiver: Receiver) -> set[str]:
    """Every address in every mail and every message, headers included."""
    texts = []
    for message in mail.outbox:
        assert isinstance(message, mail.EmailMultiAlternatives)
        texts += [str(message.body), *(str(part[0]) for part in message.alternatives), str(message.extra_headers)]
    texts += [got.body.decode() for got in receiver.got]
    found = {link.rstrip(".,") for text in texts for link in re.findall(r"https?://[^\s\"'<>|\\]+", text)}
    return {link for link in found if link.startswith(portal_settings.BAILIWICK_BASE_URL)}


def everything_told(organisation: Organisation, token: str, receiver: Receiver) -> ApprovalRequest:
    """Mail and messages of every kind that there is: asked, settled, a test; the request that still waits."""
    for kind in (ChannelKind.SLACK, ChannelKind.TEAMS, ChannelKind.WEBHOOK):
        add_channel(
            actor=organisation.manager, kind=kind, name=kind.value, address=receiver.url, team=organisation.payments
        )
    review(opened(token, "gh pr merge 6", initiator="member@example.test"), organisation.approver)
    waiting = opened(token)
    send_test(actor=organisation.approver)
    follow()
    assert len(mail.outbox) >= 5
    assert len(receiver.got) >= 6
    return waiting


def test_r61_links_change_nothing_however_they_are_fetched(
    organisation: Organisation, token: str, receiver: Receiver
) -> None:
    """GET, HEAD, OPTIONS and prefetch of every link, by nobody and by the very approver."""
    waiting = everything_told(organisation, token, receiver)
    found = links(receiver)
    assert any(f"/approvals/{waiting.label}/" in link for link in found)
    for person in (None, organisation.approver):
        client = Client()
        if person is not None:
            sign_in(client, person)
        before = world()
        for link in found:
            path = link.removeprefix(portal_settings.BAILIWICK_BASE_URL)
            for ask in (client.get, client.head, client.options):
                for headers in ({}, PREFETCH):
                    assert ask(path, headers=headers).status_code < 500
        assert world() == before


def test_r61_links_are_pages_to_look_at_and_hold_no_secret(
    organisation: Organisation, token: str, receiver: Receiver
) -> None:
    """One address for everybody: no query, no fragment, nothing that would let whoever holds it in."""
    everything_told(organisation, token, receiver)
    for link in links(receiver):
        parts = urlsplit(link)
        assert (parts.query, parts.fragment, parts.username) == ("", "", None)
        assert re.fullmatch(r"/approvals/(AR-\d+|notices)/", parts.path)


def test_r61_links_say_where_they_lead(organisation: Organisation, token: str, receiver: Receiver) -> None:
    """In the HTML the text of a link is its address."""
    everything_told(organisation, token, receiver)
    shown = 0
    for message in mail.outbox:
        assert isinstance(message, mail.EmailMultiAlternatives)
        (html,) = (str(part[0]) for part in message.alternatives)
        for address, text in re.findall(r'<a href="([^"]+)">([^<]+)</a>', html):
            assert address == text
            shown += 1
        assert "<form" not in html
        assert "<img" not in html
    assert shown


class _Forms(HTMLParser):
    """The forms of a page with their fields, as a scanner that runs pages finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((said.get("action", ""), {}))
        elif tag in {"input", "button", "textarea", "select"} and self.forms and said.get("name"):
            self.forms[-1][1][said["name"]] = said.get("value", "")


def _scan(client: Client, path: str) -> Iterator[tuple[str, dict[str, str]]]:
    response = client.get(path, follow=True)
    forms = _Forms()
    forms.feed(response.content.decode())
    here = response.request["PATH_INFO"]
    for action, fields in forms.forms:
        yield action or here, {name: value or "approve" for name, value in fields.items()}


def test_r62_a_scanner_that_sends_every_form_decides_nothing(
    organisation: Organisation, token: str, receiver: Receiver
) -> None:
    """It has no session: it lands on the sign-in page, and what it sends from there is a failed sign-in."""
    waiting = everything_told(organisation, token, receiver)
    before = world()
    for link in links(receiver):
        client = Client(enforce_csrf_checks=True)
        sent = 0
        for action, fields in _scan(client, link.removeprefix(portal_settings.BAILIWICK_BASE_URL)):
            client.post(action, fields)
            sent += 1
        assert sent, "the sign-in page has a form"
        assert "_auth_user_id" not in client.session
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    assert world()[1:] == before[1:]


def test_r62_a_scanner_that_guesses_the_forms_decides_nothing(
    organisation: Organisation, token: str, receiver: Receiver
) -> None:
    """With the right fields, the right hash and a token against forgery of its own, but nobody signed in."""
    waiting = everything_told(organisation, token, receiver)
    before = world()
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    forged = {
        "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
        "verdict": "approve",
        "reason": "Looks fine to me, the scanner.",
        "view_hash": bytes(waiting.view_hash).hex(),
    }
    for path in ("review/", "withdraw/", ""):
        response = client.post(f"/approvals/{waiting.label}/{path}", forged)
        assert response.status_code in {302, 403, 405}
    body = json.dumps({name: forged[name] for name in ("verdict", "reason", "view_hash")})
    said = client.post(f"/api/v1/requests/{waiting.label}/reviews", body, content_type="application/json")
    assert said.status_code in {401, 403}
    assert world() == before


def test_r66_a_forwarded_link_opens_nothing_for_others(
    organisation: Organisation, token: str, receiver: Receiver
) -> None:
    """Nobody is sent to sign in and back; an outsider finds nothing; a member may look and not decide."""
    waiting = everything_told(organisation, token, receiver)
    path = f"/approvals/{waiting.label}/"
    nobody = Client().get(path)
    assert nobody.status_code == 302
    assert parse_qs(urlsplit(nobody["Location"]).query)["next"] == [path]
    outsider, member = Client(), Client()
    sign_in(outsider, organisation.outsider)
    sign_in(member, organisation.member)
    before = world()
    assert outsider.get(path).status_code == 404
    assert member.get(path).status_code == 200
    said = {"verdict": "approve", "reason": "I was sent this.", "view_hash": bytes(waiting.view_hash).hex()}
    assert outsider.post(f"{path}review/", said).status_code == 404
    assert member.post(f"{path}review/", said).status_code in {403, 409}
    assert world() == before


def test_b65_names_cannot_add_headers(organisation: Organisation, token: str, receiver: Receiver) -> None:
    """Names with line breaks, as if they had come into the database past every check."""
    hostile = "Bot\r\nBcc: everybody@example.test\r\n\r\n<b>Approve here</b> https://evil.example"
    opened(token)
    Agent.objects.update(name=hostile)
    add_channel(
        actor=organisation.manager,
        kind=ChannelKind.SLACK,
        name="Chat",
        address=receiver.url,
        team=organisation.payments,
    )
    follow()
    assert mail.outbox
    for message in mail.outbox:
        sent = message.message()
        assert sent["Bcc"] is None
        assert message.recipients() == message.to
        assert "\n" not in message.subject
        assert "\r" not in message.subject
        assert isinstance(message, mail.EmailMultiAlternatives)
        (html,) = (str(part[0]) for part in message.alternatives)
        assert "<b>" not in html
        assert "https://evil.example" not in f"{html} {message.body}"


def test_b65_an_address_cannot_add_headers(organisation: Organisation, token: str) -> None:
    """Such an address gets no mail, and everybody else does."""
    Person.objects.filter(pk=organisation.approver.pk).update(email="a@example.test\nBcc: all@example.test")
    opened(token)
    follow()
    assert sorted(message.to[0] for message in mail.outbox) == ["second-approver@example.test", "security@example.test"]
    assert "unexpected" in Delivery.objects.get(person=organisation.approver).fault


def test_b67_no_address_inside_is_taken(client: Client, organisation: Organisation, settings: Settings) -> None:
    """By the page and by the API, in every spelling; those that are only known later are refused when sending."""
    sign_in(client, organisation.manager)
    taken = 0
    for address in INSIDE:
        said = {"kind": "webhook", "name": "Hook", "address": address}
        page = client.post("/approvals/channels/add/", {**said, "about": "team:payments"})
        asked = client.post("/api/v1/channels", {**said, "team": "payments"}, content_type="application/json")
        assert (page.status_code, asked.status_code) in {(422, 400), (200, 201)}
        taken += page.status_code == 200
    for channel in Channel.objects.all():
        try_channel(actor=organisation.manager, channel=channel)
    deliver_due()
    rows = Delivery.objects.all()
    assert len(rows) == 2 * taken
    assert {row.state for row in rows} == {"dead"}
    assert {row.fault for row in rows} == {"The name leads to an address that is not of the public internet."}


def hook(organisation: Organisation, address: str) -> tuple[Channel, str]:
    made, secret = add_channel(
        actor=organisation.manager,
        kind=ChannelKind.WEBHOOK,
        name="Hook",
        address=address,
        team=organisation.payments,
    )
    assert secret is not None
    try_channel(actor=organisation.manager, channel=made)
    return made, secret


def test_b67_a_name_that_is_rebound_between_two_tries(
    organisation: Organisation, receiver: Receiver, names: Names, settings: Settings
) -> None:
    """Public at the first try and inside at the second: each try judges the address that it then connects to."""
    settings.BAILIWICK_OUTBOUND_PRIVATE = []
    names.known["rebound.example.com"] = []
    hook(organisation, "https://rebound.example.com/")
    deliver_due()
    assert Delivery.objects.get().fault == "Its name is not known."
    names.known["rebound.example.com"] = ["127.0.0.1"]
    Delivery.objects.update(not_before=database_now())
    deliver_due()
    assert Delivery.objects.get().state == "dead"
    assert receiver.got == []


def test_b67_a_redirect_leads_nowhere(organisation: Organisation, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": f"https://{HOST}:{receiver.port}/inside"}
    hook(organisation, receiver.url)
    deliver_due()
    assert [got.path for got in receiver.got] == ["/hooks/T0123456789/secret-of-the-path"]
    assert Delivery.objects.get().state == "waiting"


def test_b68_neither_a_flood_nor_a_drip_holds_the_sender(
    organisation: Organisation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(organisation, receiver.url)
    receiver.answer = b"x" * 5_000_000
    deliver_due()
    assert Delivery.objects.get().state == "sent"
    receiver.reset()
    receiver.slow = 0.1
    monkeypatch.setattr("portal.outbound.post.__kwdefaults__", {"seconds": 0.5})
    try_channel(actor=organisation.manager, channel=Channel.objects.get())
    deliver_due()
    row = Delivery.objects.get(state="waiting")
    assert "did not answer within" in row.fault


def test_b69_the_old_secret_never_signs_for_a_new_host(organisation: Organisation, receiver: Receiver) -> None:
    """Also of what was waiting when the channel was moved."""
    made, first = hook(organisation, receiver.url)
    _, second = change_channel(
        actor=organisation.manager, channel=made, name="Hook", address=f"https://{OTHER_HOST}:{receiver.port}/taken"
    )
    assert second not in {None, first}
    deliver_due()
    (got,) = receiver.got
    assert got.headers["host"].startswith(OTHER_HOST)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(got.body, got.headers)
    Webhook(str(second)).verify(got.body, got.headers)


def test_b70_signed_with_time_and_id(organisation: Organisation, receiver: Receiver) -> None:
    """Body, id and time are all covered; an old message does not verify; each try of one message has one id."""
    _, secret = hook(organisation, receiver.url)
    receiver.status = 500
    deliver_due()
    receiver.status = 200
    Delivery.objects.update(not_before=database_now())
    deliver_due()
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    verifier = Webhook(secret)
    verifier.verify(second.body, second.headers)
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    stale = {
        "webhook-timestamp": str(int(long_ago.timestamp())),
        "webhook-signature": verifier.sign(second.headers["webhook-id"], long_ago, second.body.decode()),
    }
    for changed in (
        {"webhook-id": "another"},
        {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) + 9)},
        stale,
    ):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(second.body, {**second.headers, **changed})
    with pytest.raises(WebhookVerificationError):
        verifier.verify(second.body.replace(b"Test", b"Tost"), second.headers)
