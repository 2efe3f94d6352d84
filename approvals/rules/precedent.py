"""What makes two requests alike: agent, tool, action and kind of target. Deterministic, so that it can be counted."""

import hashlib
import posixpath
from collections.abc import Sequence

from approvals.rules.classify.actions import Action
from portal.ledger.rules.canonical import canonicalize


def precedent_key(agent: str, tool: str, action: str, actions: Sequence[Action], environment: str | None) -> str:
    """Return the key that like requests share, in hex.

    The kind of target is what the call does in all, where it would happen (hosts, environments, branches' first
    parts) and which kinds of files it touches, and not the files' names or the numbers of pull requests.
    """
    kind = {
        "agent": agent,
        "tool": tool,
        "action": action,
        "does": sorted({one.type for one in actions}),
        "hosts": sorted({one.host for one in actions if one.host}),
        "environments": sorted({place for place in (environment, *(one.environment for one in actions)) if place}),
        "branches": sorted({one.branch.partition("/")[0] for one in actions if one.branch}),
        "files": sorted({_kind_of(path) for one in actions for path in one.paths}),
    }
    return hashlib.sha256(b"bailiwick/precedent/v1\0" + canonicalize(kind)).hexdigest()


def _kind_of(path: str) -> str:
    """The first directory and the ending: what a file is for, more than which one it is."""
    first, _, rest = path.lstrip("/").partition("/")
    ending = posixpath.splitext(path)[1].lower()
    return f"{first}/*{ending}" if rest else ending or first
