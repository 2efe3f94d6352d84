"""The way back to what somebody was doing when it needed something of their account: only to a page of this portal."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

_NUMBERED: Final = re.compile(r"/([A-Z]{2}-[0-9]{1,9})/?(?:\?|$)")


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where it leads, and in which words. The words are ours: a forged link must not choose what a button says."""

    path: str

    @property
    def words(self) -> str:
        numbered = _NUMBERED.search(self.path)
        return f"Back to {numbered[1]}" if numbered else "Go on where you were"


def way_back(request: HttpRequest) -> WayBack | None:
    """What ``next`` names, of the form or else of the address; none where it leads elsewhere than to a path here."""
    path = request.POST.get("next") or request.GET.get("next") or ""
    safe = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return WayBack(path) if safe else None


def with_way_back(address: str, back: WayBack | None) -> str:
    return f"{address}?{urlencode({'next': back.path})}" if back else address
