"""How one request looks in a list: made once for all who see the same of it.

What a row shows is written down in full (``Look``), and its HTML is made from that alone; so what is kept for one
reader is what another would be shown as well, and nothing that a reader may not see can reach them by it.
"""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from portal.web.clock import coarse

MOST_KEPT = 2_000
RESOURCE, WHY = 120, 160


class Look(NamedTuple):
    """All that ``approvals/_row.html`` shows. ``left`` and ``ago`` are seconds, as coarse as they are written."""

    number: int
    label: str
    action: str
    resource: str
    why: str
    state: str
    band: str
    blocked: bool
    agent: str
    initiator: str
    opened_at: datetime
    ago: int
    expires_at: datetime
    left: int
    approvals: int | None
    quorum: int
    escalated: bool
    mine: bool
    pick: bool
    current: bool


@lru_cache(maxsize=MOST_KEPT)
def drawn(look: Look) -> SafeString:
    return render_to_string("approvals/_row.html", {"row": look})


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else Truncator(text).chars(most)


def seconds_between(earlier: datetime, later: datetime) -> int:
    """As coarse as they are written, so that a row's look stays the same for as long as its words do."""
    return coarse((later - earlier).total_seconds())
