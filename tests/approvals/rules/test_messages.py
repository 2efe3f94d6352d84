"""What a message holds: a name is plain text in every form of it, and there is nothing to press but a link to look."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.messages import Notice, callback, headline, one_line, sentences, slack, teams, webhook
from approvals.rules.notices import NoticeKind

URL = "https://portal.example/approvals/AR-7/"
HOSTILE = (
    "Bot\r\nBcc: all@example.com <!channel> <https://evil.example|Approve> [x](https://evil.example) \u202egnp\u200b"
)


def notice(kind: NoticeKind = NoticeKind.OPENED, **more: str) -> Notice:
    facts: dict[str, Any] = {
        "label": "AR-7",
        "path": "/approvals/AR-7/",
        "at": "2026-11-21T12:00:00.000000Z",
        "agent": "Payments Refactorer",
        "slug": "payments-refactorer",
        "team": "Payments",
        "until": "2026-11-21T13:05:09.000000Z",
        **more,
    }
    return Notice(kind=kind.value, **facts)


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind_has_its_words(kind: NoticeKind) -> None:
    said = notice(kind, state="denied")
    assert headline(said)
    assert sentences(said)
    assert Notice.read(json.loads(json.dumps(said.stored()))) == said


def test_the_deadline_is_said() -> None:
    assert any("2026-11-21 13:05 UTC" in sentence for sentence in sentences(notice()))


def test_b65_a_name_stays_on_one_line_and_is_no_link() -> None:
    line = headline(notice(agent=HOSTILE))
    assert "\n" not in line
    assert "\r" not in line
    assert "://" not in line
    assert "\u202e" not in line


@given(st.text(max_size=400))
def test_b65_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= 120
    assert "://" not in line
    assert not any(unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for sign in line)
    assert line == line.strip()


def test_slack_gets_names_as_plain_text() -> None:
    said = slack(notice(agent=HOSTILE), URL)
    words, link = said["blocks"]
    assert words["text"]["type"] == "plain_text"
    assert link["text"] == {"type": "mrkdwn", "text": f"<{URL}|Sign in and look>"}
    assert "<!channel>" not in said["text"]
    assert [block["type"] for block in said["blocks"]] == ["section", "section"], "nothing to press"


def test_teams_gets_names_as_runs_of_text() -> None:
    (attachment,) = teams(notice(agent=HOSTILE), URL)["attachments"]
    card = attachment["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert [(action["type"], action["url"]) for action in card["actions"]] == [("Action.OpenUrl", URL)]


def test_a_webhook_says_what_happened() -> None:
    said = webhook(notice(), URL)
    assert (said["type"], said["timestamp"]) == ("approvals.request.opened", "2026-11-21T12:00:00.000000Z")
    assert said["data"]["number"] == "AR-7"
    assert said["data"]["url"] == URL


def test_an_agent_is_told_number_and_state_and_nothing_else() -> None:
    said = callback(notice(NoticeKind.RESOLVED, state="approved"))
    assert said["data"] == {"request": "AR-7", "state": "approved"}
