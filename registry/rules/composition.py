"""What an agent is made of, pinned: the model, the prompt, tools, servers and hooks that were approved.

The fingerprint is SHA-256 over the canonical JSON (RFC 8785) of the pinned members alone, each list sorted and
without repetition, so that the order in which a platform names its tools means nothing. Whoever reports a
fingerprint computes it over the same members.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from portal.ledger.rules.canonical import JSONValue, canonicalize

Pinned = str | tuple[str, ...]

TEXTS = ("model", "prompt")
LISTS = ("tools", "mcp_servers", "hooks")
MEMBERS = (*TEXTS, *LISTS)
MOST_TEXT = 500
MOST_ENTRIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """The pinned members, and whether a check without a fingerprint is gated too."""

    required: bool = False
    pinned: Mapping[str, Pinned] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pinned", MappingProxyType(dict(self.pinned)))

    def to_document(self) -> dict[str, JSONValue]:
        """Return the member ``composition`` of a policy document."""
        pinned: dict[str, JSONValue] = {
            name: value if isinstance(value, str) else list(value) for name, value in self.pinned.items()
        }
        return {"required": self.required, "pinned": pinned}


def fingerprint(pinned: Mapping[str, object]) -> str:
    """Return the 64 lower-case hex digits of what is pinned. Raises ``ValueError`` for another member or type."""
    normal: dict[str, JSONValue] = {}
    for name, value in pinned.items():
        if name in TEXTS and isinstance(value, str):
            normal[name] = value
        elif name in LISTS and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            normal[name] = list[JSONValue](sorted({str(item) for item in value}))
        else:
            raise ValueError(f"{name!r} is not something that an agent's composition is pinned by.")
    return hashlib.sha256(canonicalize(normal)).hexdigest()
