"""What makes two requests alike: the same agent, tool and actions, on the same kind of target."""

import hashlib
import re
from collections.abc import Iterable
from uuid import UUID

_CHANGING = re.compile(r"[0-9a-f]{7,64}|\d+", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_MOST = 200


def key_of(
    *,
    agent_id: UUID,
    tool: str,
    actions: Iterable[str],
    resource: str,
    repository: str | None = None,
    environment: str | None = None,
) -> str:
    """Return the deterministic key of a request: 32 hexadecimal digits, equal for requests that ask alike.

    Nothing is guessed and nothing is learned: the key is a digest of what is compared. What changes from call to call
    (numbers, commit ids) counts as the same kind of target; another repository or environment does not.
    """
    parts = (
        str(agent_id),
        tool,
        ",".join(sorted(set(actions))),
        kind_of_target(resource),
        (repository or "").lower(),
        (environment or "").lower(),
    )
    return hashlib.sha256("\0".join(("bailiwick/precedent/v1", *parts)).encode("utf-8", "replace")).hexdigest()[:32]


def kind_of_target(resource: str) -> str:
    """Return a resource without what differs between two calls of one kind: numbers, object names, spacing."""
    return _SPACES.sub(" ", _CHANGING.sub("#", resource.strip()))[:_MOST]
