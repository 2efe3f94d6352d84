"""The action types that count in one organisation: the built-in ones and its own.

An action of the organisation has a key with a dot (``acme.release``), says how far it can be undone, and names
the tools and commands that are it. It stands only where the portal understands nothing by itself: a tool that it
does not know, or a command of a program that it does not know and of which every word is written out. Beside a tool of
an MCP server that the portal knows by its name it counts too. It never takes the place of another action of the same
call, and ``unknown`` is never free.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from portal.ledger.rules.canonical import JSONValue
from registry.rules.actions import BASELINE, CATALOGUE, UNKNOWN, ActionType, Reversibility
from registry.rules.commands import Commands
from registry.rules.names import Refused, normalise_tool
from registry.rules.patterns import Patterns, compile_tools
from registry.rules.tiers import Tier, strictest

MOST_ACTIONS = 100
KEY = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+")
MOST_KEY = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAction:
    """One action type of the organisation, with what is recognised as it."""

    kind: ActionType
    tools: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def to_document(self) -> dict[str, JSONValue]:
        """Return the entry of ``actions`` in the organisation's document, without its key."""
        return {
            "label": self.kind.label,
            "reversibility": self.kind.reversibility.value,
            "tier": self.kind.default_tier.value,
            "explain": self.kind.explain,
            "tools": list(self.tools),
            "commands": list(self.commands),
        }


def floor(kind: ActionType) -> Tier:
    """Return the tier that no policy may go below: what is forbidden stays so, what cannot be undone is never free."""
    return strictest(
        kind.default_tier if kind.default_tier is Tier.FORBIDDEN else Tier.FREE,
        Tier.GATED if kind.reversibility is Reversibility.IRREVERSIBLE else Tier.FREE,
    )


class Catalogue(Mapping[str, ActionType]):
    """Every action type by its key, built-in ones first. Immutable; one instance serves every thread."""

    __slots__ = ("_commands", "_kinds", "_tools", "floors", "own")

    def __init__(self, own: Iterable[OwnAction] = ()) -> None:
        self.own: tuple[OwnAction, ...] = tuple(own)
        self._kinds: dict[str, ActionType] = {**CATALOGUE, **{one.kind.key: one.kind for one in self.own}}
        self.floors: Mapping[str, Tier] = {**BASELINE, **{one.kind.key: floor(one.kind) for one in self.own}}
        self._tools: list[tuple[str, Patterns]] = [
            (one.kind.key, compile_tools(one.tools)) for one in self.own if one.tools
        ]
        self._commands: list[tuple[str, Commands]] = [
            (one.kind.key, Commands(one.commands)) for one in self.own if one.commands
        ]

    def __getitem__(self, key: str) -> ActionType:
        return self._kinds[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalogue) and self.own == other.own

    def __hash__(self) -> int:
        return hash(self.own)

    def action_type(self, key: str) -> ActionType:
        """Return the entry for ``key``, or that of ``unknown`` when there is none."""
        return self._kinds.get(key) or self._kinds[UNKNOWN]

    def of_tool(self, tool: str) -> str | None:
        """Return the organisation's action that a call of this tool is; of several, the strictest by its floor."""
        try:
            normal = normalise_tool(tool)
        except Refused:
            return None
        return self._strictest(key for key, patterns in self._tools if patterns.matches(normal))

    def of_command(self, words: Sequence[str | None]) -> str | None:
        """Return the organisation's action that this command is, every word of it written out."""
        if not self._commands or None in words:
            return None
        return self._strictest(key for key, commands in self._commands if commands.allows(words))

    def _strictest(self, keys: Iterable[str]) -> str | None:
        found = list(keys)
        return max(found, key=lambda key: (self._kinds[key].default_tier.rank, self.floors[key].rank), default=None)


BUILT_IN = Catalogue()


def is_own_key(key: object) -> bool:
    """Return whether the key could be one of an organisation's: it has a dot and is not built in."""
    return isinstance(key, str) and len(key) <= MOST_KEY and KEY.fullmatch(key) is not None and key not in CATALOGUE
