"""How much of one call is read: how large its scripts, how deep its programs start each other, and how many do.

Past a bound the call is not understood. The grammar's parser needs time that grows with the square of the pieces of a
text which it cannot make sense of, and sometimes of one that it can, so pieces are counted before it is asked.
"""

import re

_MOST_CHARACTERS, _MOST_PIECES, _MOST_NODES = 64 * 1024, 4096, 20_000
_DEEPEST, _MOST_STARTED = 8, 1000
# What the parser may take for a token of its own; it is given a stand-in for each letter outside ASCII.
_PIECE = re.compile(r"\w+|[^\w \t]", re.ASCII)


class Bounds:
    """What one call has used up so far; all scripts inside it, and inside those, share one."""

    __slots__ = ("_depth", "_nodes", "_pieces", "_started")

    def __init__(self) -> None:
        self._pieces = self._nodes = self._depth = self._started = 0

    def too_large(self, text: str) -> str | None:
        """Count a script that is about to be parsed; return why it is not, as a sentence."""
        pieces = len(_PIECE.findall(text)) if len(text) <= _MOST_CHARACTERS else _MOST_PIECES + 1
        self._pieces += pieces
        # Twice as much in all, since a script inside another is part of that one too.
        if pieces > _MOST_PIECES or self._pieces > 2 * _MOST_PIECES:
            return f"It has more than {_MOST_PIECES} words and signs, or {_MOST_CHARACTERS} characters."
        return None

    def too_many_nodes(self) -> bool:
        """Count a part of a script that is about to be visited; True when there have been too many."""
        self._nodes += 1
        return self._nodes > _MOST_NODES

    def enter(self) -> str | None:
        """Count a program that is about to be read, perhaps inside another; return why it is not, as a sentence."""
        if self._depth >= _DEEPEST:
            return "Its programs start each other too deep to be followed."
        self._started += self._depth > 0
        if self._started > _MOST_STARTED:
            return f"Its programs start more than {_MOST_STARTED} others."
        self._depth += 1
        return None

    def leave(self) -> None:
        """Say that the program entered last has been read."""
        self._depth -= 1
