"""What a message says, and its form for each kind of channel: a number, an agent, a deadline and a link to sign in.

Nothing of what an agent wants to do, no decision, no button. Names are written by people and programs, so each form
holds them as plain text: nothing in a name becomes a link, a mention or a second line.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from approvals.rules.notices import NoticeKind

MOST_IN_LINE: Final = 120
_STATES: Final = {
    "approved": "approved",
    "denied": "denied",
    "expired": "expired, so the answer is no",
    "withdrawn": "withdrawn",
    "voided": "void, because something changed",
    "returned": "sent back for changes",
    "replaced": "replaced by an edited one",
}
TEST_LABEL: Final = "Test"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a message may hold. ``path`` is a page of the portal; ``until`` and ``at`` are RFC 3339 in UTC."""

    kind: str
    label: str
    path: str
    at: str
    agent: str = ""
    slug: str = ""
    team: str = ""
    until: str = ""
    state: str = ""
    high_risk: bool = False
    gathered: bool = False  # held back for quiet hours or a digest: goes out together with the others

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Notice":
        return cls(**content)


def one_line(text: str, most: int = MOST_IN_LINE) -> str:
    """``text`` on one line, without what is invisible, turns the reading order or is taken for the start of a link."""
    signs = (" " if _breaks(sign) else sign for sign in text)
    line = " ".join("".join(signs).replace("://", " ").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _breaks(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def headline(notice: Notice) -> str:
    """One line: a subject, or the first line of a message."""
    agent, label = one_line(notice.agent), notice.label
    match NoticeKind(notice.kind):
        case NoticeKind.OPENED:
            return f"{label}: {agent} waits for a decision"
        case NoticeKind.ESCALATED:
            return f"{label}: {agent} still waits for a decision"
        case NoticeKind.RESOLVED:
            return f"{label}: the request of {agent} is {_STATES.get(notice.state, 'settled')}"
        case NoticeKind.EXCEPTION_ASKED:
            return f"{label}: an exception is asked for {agent}"
        case NoticeKind.EXCEPTION_GRANTED:
            return f"{label}: an exception is granted for {agent}"
        case NoticeKind.EXCEPTION_OVERDUE:
            return f"{label}: the review of an exception for {agent} is overdue"
    return "A test message of Bailiwick"


def sentences(notice: Notice) -> list[str]:
    """What else there is to say, a sentence each; the link follows it."""
    until = f" by {written(notice.until)}" if notice.until else ""
    of = f"Team {one_line(notice.team)}." if notice.team else ""
    match NoticeKind(notice.kind):
        case NoticeKind.OPENED:
            said = [
                of,
                f"Sign in to see exactly what is asked, and decide{until}.",
                "If nobody does, the answer is no.",
            ]
        case NoticeKind.ESCALATED:
            said = [of, f"Nobody has decided yet. Sign in to see what is asked; decide, or find who can{until}."]
        case NoticeKind.EXCEPTION_ASKED:
            said = [of, "Sign in to see what it would open and for how long."]
        case NoticeKind.EXCEPTION_GRANTED:
            said = [of, f"It ends{until}." if until else "", "Sign in to see each use of it."]
        case NoticeKind.EXCEPTION_OVERDUE:
            said = [of, "Until somebody else has looked at it, the agent may do less. Sign in to see it."]
        case NoticeKind.RESOLVED:
            said = [of, "Sign in to see why."]
        case _:
            said = ["Somebody asked for it, to see whether messages arrive. Nothing waits for you because of it."]
    return [sentence for sentence in said if sentence]


def written(moment: str) -> str:
    """``2026-11-21T12:00:00.000000Z`` for people: to the minute, with its zone."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def slack(notice: Notice, url: str) -> dict[str, Any]:
    """Blocks in which all but our own link is plain text: no mention and no formatting out of a name."""
    words = "\n".join([headline(notice), *sentences(notice)])
    return {
        "text": _escaped(headline(notice)),
        "unfurl_links": False,
        "blocks": [
            {"type": "section", "text": {"type": "plain_text", "text": words, "emoji": False}},
            {"type": "section", "text": {"type": "mrkdwn", "text": f"<{url}|Sign in and look>"}},
        ],
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams(notice: Notice, url: str) -> dict[str, Any]:
    """An adaptive card. Rich text, because a text block would read a name as Markdown."""
    said = [_run(headline(notice), weight="Bolder"), *(_run(f" {sentence}") for sentence in sentences(notice))]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": said}],
        "actions": [{"type": "Action.OpenUrl", "title": "Sign in and look", "url": url}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _run(text: str, **style: str) -> dict[str, str]:
    return {"type": "TextRun", "text": text, **style}


def webhook(notice: Notice, url: str) -> dict[str, Any]:
    """Type, timestamp and data, as Standard Webhooks has it."""
    data = {
        "number": notice.label,
        "agent": notice.slug,
        "agent_name": notice.agent,
        "team": notice.team,
        "state": notice.state or None,
        "until": notice.until or None,
        "high_risk": notice.high_risk,
        "url": url,
    }
    return {"type": notice.kind, "timestamp": notice.at, "data": data}


def callback(notice: Notice) -> dict[str, Any]:
    """What an agent is told: which of its requests, and what became of it. The grant it fetches with its own token."""
    return {"type": notice.kind, "timestamp": notice.at, "data": {"request": notice.label, "state": notice.state}}
