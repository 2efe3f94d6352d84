"""The pages of the rulebook: read by everybody, written by security, agreed to by another."""

from collections.abc import Callable

import orjson
import pytest
from django.test import Client

from approvals.models import ApprovalRequest, RulebookProposal
from approvals.rules.rulebook import BUILT_IN
from approvals.rules.view import view_hash
from approvals.selectors.requirement import requirement_under, stored_requirement
from approvals.selectors.rulebook import book_in_force
from portal.identity.models import Person
from tests.approvals.asking import opened
from tests.approvals.rulebooks import group, in_force, proposed, rule, second_security
from tests.organisation import Organisation
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db

SignedIn = Callable[[Person], Client]


@pytest.fixture
def browser() -> SignedIn:
    def opened_by(person: Person) -> Client:
        client = Client()
        sign_in(client, person)
        return client

    return opened_by


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def full(organisation: Organisation) -> dict[str, object]:
    """A rulebook that says something of everything."""
    return {
        "groups": {"release": group("Release managers", organisation.manager, organisation.second_manager)},
        "rules": [
            rule(
                "production",
                (["group:release"], 2),
                (["security"], 1),
                when={
                    "teams": [str(organisation.payments.pk)],
                    "actions": ["deploy.*"],
                    "environments": ["prod*"],
                    "tasks": ["release"],
                    "risk_at_least": 40,
                },
                expires_minutes=30,
            )
        ],
        "canaries": {"per_hundred": 2},
    }


def test_everybody_reads_who_decides(organisation: Organisation, browser: SignedIn) -> None:
    in_force(organisation, full(organisation))
    page = text(browser(organisation.member), "/approvals/rules/")
    for words in ("Release managers", "Ada Manager, ", "2 of Release managers, then 1 of security", "Production"):
        assert words in page
    assert "the environment is prod*, or not stated" in page
    assert "New rule" not in page
    assert "New rule" in text(browser(organisation.security), "/approvals/rules/")


def test_nothing_was_ever_written(organisation: Organisation, browser: SignedIn) -> None:
    client = browser(organisation.security)
    assert "built in" in text(client, "/approvals/rules/")
    assert "Only the built-in rulebook" in text(client, "/approvals/rules/revisions/")
    assert "Nothing was ever proposed" in text(client, "/approvals/rules/proposals/")
    assert "No request in this time" in text(client, "/approvals/risk/")


def test_a_group_is_made_by_one_and_agreed_to_by_another(organisation: Organisation, browser: SignedIn) -> None:
    client = browser(organisation.security)
    emails = f"{organisation.second_manager.email}\n{organisation.manager.email.upper()}\n"
    typed = {"slug": "release", "name": "Release managers", "members": emails, "reason": "They know.", "based_on": "0"}
    answer = client.post("/approvals/rules/new-group/", typed)
    proposal = RulebookProposal.objects.get()
    assert answer.headers["Location"] == f"/approvals/rules/RP-{proposal.number}/"
    assert "New group Release managers (release): Ben Manager and Ada Manager." in text(
        client, f"/approvals/rules/RP-{proposal.number}/"
    )
    second = browser(second_security(organisation))
    page = text(second, f"/approvals/rules/RP-{proposal.number}/")
    assert "Agree and put in force" in page
    answer = second.post(f"/approvals/rules/RP-{proposal.number}/agree/", {"reason": "They do."})
    assert answer.status_code == 302
    members = book_in_force().book.groups["release"].members
    assert members == (organisation.second_manager.pk, organisation.manager.pk)
    assert f"Rulebook {book_in_force().number}" in text(second, "/approvals/rules/revisions/")
    assert "New group" in text(second, f"/approvals/rules/revisions/{book_in_force().number}/")


def test_a_rule_is_written_by_form(organisation: Organisation, browser: SignedIn) -> None:
    in_force(organisation, {"groups": {"release": group("Release managers", organisation.manager)}})
    client = browser(organisation.security)
    typed = {
        "id": "production",
        "name": "Production",
        "on": "on",
        "teams": [str(organisation.payments.pk)],
        "actions": "deploy.*\npr.merge",
        "environments": "prod*",
        "risk_at_least": "40",
        "stage_1_name": "Release",
        "stage_1_groups": ["group:release"],
        "stage_1_quorum": "1",
        "stage_3_groups": ["security"],
        "stage_3_quorum": "2",
        "grant_minutes": "5",
        "reason": "As we said.",
        "based_on": str(book_in_force().number),
    }
    assert client.post("/approvals/rules/new-rule/", typed).status_code == 302
    written = RulebookProposal.objects.first()
    assert written is not None
    assert written.document["rules"] == [
        {
            "id": "production",
            "name": "Production",
            "on": True,
            "when": {
                "teams": [str(organisation.payments.pk)],
                "actions": ["deploy.*", "pr.merge"],
                "environments": ["prod*"],
                "risk_at_least": 40,
            },
            "stages": [
                {"name": "Release", "groups": ["group:release"], "quorum": 1},
                {"name": "Stage 3", "groups": ["security"], "quorum": 2},
            ],
            "grant_minutes": 5,
        }
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stage_1_quorum": "0"}, "greater than or equal to 1"),
        ({"stage_1_quorum": ""}, "Say how many people"),
        ({"stage_1_groups": []}, "Name at least one group"),
        ({"actions": "deploy.nowhere"}, "No action of this name"),
        ({"environments": "Prod uction!"}, "This must be an environment"),
        ({"reason": ""}, "This field is required"),
        ({"id": "a b"}, "valid"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_is_kept(
    organisation: Organisation, browser: SignedIn, change: dict[str, object], said: str
) -> None:
    typed = {
        "id": "mine",
        "name": "A name to be kept",
        "on": "on",
        "stage_1_groups": ["security"],
        "stage_1_quorum": "1",
        "reason": "As we said.",
        "based_on": "0",
        **change,
    }
    answer = browser(organisation.security).post("/approvals/rules/new-rule/", typed)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    assert "A name to be kept" in page
    assert not RulebookProposal.objects.exists()


def test_a_rule_is_changed_switched_off_and_removed(organisation: Organisation, browser: SignedIn) -> None:
    in_force(organisation, full(organisation))
    client = browser(organisation.security)
    page = text(client, "/approvals/rules/rule/production/")
    assert "deploy.*" in page
    base = {"name": "Rule production", "based_on": str(book_in_force().number), "reason": "It is in the way."}
    assert client.post("/approvals/rules/rule/production/", {**base, "remove": "on"}).status_code == 302
    removed = RulebookProposal.objects.order_by("number").last()
    assert removed is not None
    assert removed.document["rules"] == []
    assert "Looser" in text(client, f"/approvals/rules/RP-{removed.number}/")
    assert text(client, "/approvals/rules/rule/none/", 404)
    assert text(client, "/approvals/rules/groups/none/", 404)


def test_the_numbers_begin_with_what_is_in_force(organisation: Organisation, browser: SignedIn) -> None:
    client = browser(organisation.security)
    form = client.get("/approvals/rules/numbers/?risk__high=80&risk__weights__files=junk").context["form"]
    typed = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items() if name != "reason"}
    assert typed["risk__high"] == "80"
    assert typed["risk__weights__files"] == 15
    typed |= {"reason": "Fewer of them.", "based_on": "0", "risk__elevated": 80}
    wrong = client.post("/approvals/rules/numbers/", typed)
    assert wrong.status_code == 422
    assert "High must begin above elevated" in wrong.content.decode()
    assert client.post("/approvals/rules/numbers/", {**typed, "risk__elevated": 40}).status_code == 302
    proposal = RulebookProposal.objects.get()
    assert "High risk begins at 80, no longer 70." in text(client, f"/approvals/rules/RP-{proposal.number}/")


@pytest.mark.parametrize("document", ["{", '{"groups": {}, "groups": {}}', '{"on_timeout": "approve"}', "[]", "1e999"])
def test_text_that_is_no_rulebook_is_kept_and_told(
    organisation: Organisation, browser: SignedIn, document: str
) -> None:
    typed = {"document": document, "based_on": "0", "reason": "As text."}
    answer = browser(organisation.security).post("/approvals/rules/text/", typed)
    assert answer.status_code == 422
    assert not RulebookProposal.objects.exists()


def test_a_change_on_what_is_over_shows_what_is_new(organisation: Organisation, browser: SignedIn) -> None:
    in_force(organisation, {"canaries": {"per_hundred": 3}})
    typed = {"document": "{}", "based_on": "0", "reason": "As text."}
    answer = browser(organisation.security).post("/approvals/rules/text/", typed)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Planted requests for each hundred: 3, no longer 0." in page
    assert f'name="based_on" value="{book_in_force().number}"' in page


def test_who_may_not_agree_is_told_why(organisation: Organisation, browser: SignedIn) -> None:
    proposal = proposed(organisation, full(organisation))
    address = f"/approvals/rules/RP-{proposal.number}/"
    mine, others = text(browser(organisation.security), address), text(browser(organisation.manager), address)
    assert "Agree and put in force" not in mine + others
    assert "You wrote this" in mine
    assert "Only somebody in security" in others
    answer = browser(organisation.manager).post(f"{address}agree/", {"reason": "I would."})
    assert answer.status_code == 403


def test_what_would_end_is_counted_before_the_click(organisation: Organisation, browser: SignedIn, token: str) -> None:
    opened(token)
    proposal = proposed(organisation, {"rules": [rule("merge", (["security"], 1))]})
    page = text(browser(second_security(organisation)), f"/approvals/rules/RP-{proposal.number}/")
    assert "ends 1 request" in page


def test_a_proposal_is_refused_and_withdrawn(organisation: Organisation, browser: SignedIn) -> None:
    first, second = proposed(organisation, {"canaries": {"per_hundred": 1}}), proposed(organisation, full(organisation))
    gia = browser(second_security(organisation))
    assert gia.post(f"/approvals/rules/RP-{first.number}/refuse/", {"reason": ""}).status_code == 422
    assert gia.post(f"/approvals/rules/RP-{first.number}/refuse/", {"reason": "No."}).status_code == 302
    assert gia.post(f"/approvals/rules/RP-{second.number}/withdraw/").status_code == 403
    fay = browser(organisation.security)
    assert fay.post(f"/approvals/rules/RP-{second.number}/withdraw/").status_code == 302
    assert fay.post(f"/approvals/rules/RP-{second.number}/withdraw/").status_code == 409
    assert f"?from={second.number}" in text(fay, f"/approvals/rules/RP-{second.number}/")
    assert "Release managers" in text(fay, f"/approvals/rules/text/?from={second.number}")


def test_which_rulebook_counted_when(organisation: Organisation, browser: SignedIn) -> None:
    revised = in_force(organisation, {"canaries": {"per_hundred": 1}})
    client = browser(organisation.auditor)
    assert "built in counted" in text(client, "/approvals/rules/revisions/?at=2020-01-01")
    assert f"rulebook {revised.number}</a> counted" in text(
        client, f"/approvals/rules/revisions/?at={revised.at:%Y}-12-31"
    )
    assert "Write a day as" in text(client, "/approvals/rules/revisions/?at=yesterday")


def test_the_risk_page_shows_what_a_threshold_would_have_changed(
    organisation: Organisation, browser: SignedIn, token: str
) -> None:
    request = opened(token)
    client = browser(organisation.security)
    page = text(client, "/approvals/risk/")
    assert "1 request" in page
    assert 'role="img"' in page
    assert request.risk < 40
    page = text(client, f"/approvals/risk/?risk__elevated=5&risk__high={request.risk}")
    assert "Propose these numbers" in page
    assert request.label in page
    assert "another proof" in page
    assert "Propose these numbers" not in text(browser(organisation.manager), "/approvals/risk/?risk__elevated=5")
    assert "No request in this time" in text(browser(organisation.outsider), "/approvals/risk/")
    assert "High must begin above" in text(client, "/approvals/risk/?risk__elevated=90", 422)
    assert text(client, "/approvals/risk/?team=payments&days=7")
    assert text(client, "/approvals/risk/?team=none", 422)


def test_what_was_sealed_before_there_was_a_rulebook_is_still_shown_and_weighed(
    organisation: Organisation, browser: SignedIn, token: str
) -> None:
    """A view of the first format, as rows of before the rulebook have it."""
    request = opened(token)
    view = orjson.loads(bytes(request.view))
    for member in ("around", "decides", "risk", "head", "diff", "said", "people", "edited"):
        del view[member]
    old = orjson.dumps({**view, "format": "bailiwick-view/1"})
    ApprovalRequest.objects.filter(pk=request.pk).update(view=old, view_hash=view_hash(old), factors=[], risk=0)
    assert request.label in text(browser(organisation.approver), f"/approvals/{request.label}/")
    request.refresh_from_db()
    assert stored_requirement(request).is_as(requirement_under(request, BUILT_IN))
    in_force(organisation, {"rules": [rule("merge", (["security"], 1))]})
    request.refresh_from_db()
    assert request.state == "voided"
