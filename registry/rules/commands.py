"""Command patterns: the first words of a command, as in ``git push`` or ``npm run *``.

A pattern is words with one space between them; ``*`` and ``?`` are wildcards inside a word, a ``*`` alone is one
word. It stands for every command that begins with these words. The words of a command are those that the
classifier could read (``Action.command``): None for a word that is only known when it runs.

A list that *allows* is read strictly: every word of the pattern must be there, in its place, spelled the same. A
list that *blocks* is read generously: the program is compared without its directory and without regard to case,
options before a word are stepped over with the value they may take (``git -C x push`` is ``git push``), and a word
that cannot be read may be any word.

Whoever reads a command cuts it with ``shortened``, so that no command is long enough to keep the matcher busy.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from registry.rules.names import Refused, seen_text

Words = Sequence[str | None]

MAX_PATTERN = 200
MAX_WORDS = 8
# A longer command is kept as far as this, and a longer word not at all: it may then be anything.
MOST_WORDS = 64
MOST_SIGNS = 1_000
_BAD = re.compile(r"[\"'`$;&|<>(){}\[\]!\\#~]")


class Blocked(StrEnum):
    """Whether a command is blocked; maybe, when a word of it could not be read."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


def command_pattern(pattern: object) -> str:
    """Return the pattern with one space between its words, or raise ``Refused``."""
    text = seen_text(pattern, limit=MAX_PATTERN)
    if not text.isascii() or _BAD.search(text):
        raise Refused("A command is plain words without quotes or signs of the shell; * and ? are wildcards.")
    words = text.split()
    if not words or len(words) > MAX_WORDS:
        raise Refused(f"A command pattern is one to {MAX_WORDS} words.")
    if any(word.count("*") > 2 or "**" in word for word in words):
        raise Refused("At most two * in one word, and no **.")
    if not re.search(r"[A-Za-z0-9]", words[0]):
        raise Refused("This would name every program; write the program's name.")
    return " ".join(words)


def shortened(words: Words) -> tuple[str | None, ...]:
    """Return the words as they are compared: None for what is too long to be."""
    kept = tuple(None if word is not None and len(word) > MOST_SIGNS else word for word in words[:MOST_WORDS])
    return (*kept, None) if len(words) > MOST_WORDS else kept


_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern read one way; ``program`` is the literal program, and empty when ``head`` must match it."""

    program: str
    head: re.Pattern[str]
    rest: tuple[re.Pattern[str], ...]


class Commands:
    """A compiled list of command patterns. Holds no state, so one instance serves every thread."""

    __slots__ = ("_generous", "_strict", "sources")

    def __init__(self, patterns: Sequence[str]) -> None:
        self.sources = tuple(patterns)
        self._strict = _by_program([_compiled(source, re.NOFLAG, _plain) for source in self.sources])
        self._generous = _by_program([_compiled(source, re.IGNORECASE, _bare) for source in self.sources])

    def allows(self, command: Words) -> bool:
        """Return whether the command begins with the words of one pattern, every one of them written out."""
        head = command[0] if command else None
        if head is None or not head.isascii():
            return False  # a wildcard is not meant for letters that only look like the program's
        return any(_begins(one.rest, command) for one in _near(self._strict, head))

    def blocks(self, command: Words) -> Blocked:
        """Return whether the command is one of these, however its options stand."""
        if not command or not self.sources:
            return Blocked.NO
        if command[0] is None:
            return Blocked.MAYBE
        program = _bare(command[0])
        near = _near(self._generous, program)
        if not near:
            return Blocked.NO
        found = Blocked.NO
        for one in near:
            found = max(found, _steps(one.rest, command), key=_WORSE)
        return found


_WORSE = (Blocked.NO, Blocked.MAYBE, Blocked.YES).index
_Table = Mapping[str, tuple[_Pattern, ...]]


def _plain(program: str) -> str:
    return program


def _bare(program: str) -> str:
    """The program without directory, case or the ending that Windows lets a caller leave out."""
    return program.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")


def _compiled(source: str, flags: re.RegexFlag, form: Callable[[str], str]) -> _Pattern:
    program, *rest = source.split(" ")
    program = form(program)
    words = tuple(_word(text, flags) for text in rest)
    return _Pattern("" if _WILD.search(program) else program, _word(program, flags), words)


def _word(text: str, flags: re.RegexFlag) -> re.Pattern[str]:
    built = "".join({"*": ".*", "?": "."}.get(token, re.escape(token)) for token in re.split(r"([*?])", text))
    return re.compile(built, flags | re.DOTALL)


def _by_program(patterns: Sequence[_Pattern]) -> _Table:
    table: dict[str, list[_Pattern]] = {}
    for one in patterns:
        table.setdefault(one.program, []).append(one)
    return {program: tuple(rows) for program, rows in table.items()}


def _near(table: _Table, program: str) -> tuple[_Pattern, ...]:
    """Return the patterns of this program: those that name it, and those with a wildcard that it matches."""
    named = table.get(program, ()) if program else ()
    wild = table.get("")
    return named + tuple(one for one in wild if one.head.fullmatch(program)) if wild else named


def _begins(words: Sequence[re.Pattern[str]], command: Words) -> bool:
    """Return whether these words follow the program, each in its place."""
    if len(command) <= len(words):
        return False
    for place, word in enumerate(words, start=1):
        text = command[place]
        if text is None or not word.fullmatch(text):
            return False
    return True


def _steps(words: Sequence[re.Pattern[str]], command: Words) -> Blocked:
    """Return whether the words follow the program in their order, with nothing but options between them.

    All ways of reading are followed side by side, so the time grows with the length and never with the choices.
    """
    ends: dict[int, Blocked] = {1: Blocked.YES}
    for word in words:
        ends = _next(word, command, ends)
        if not ends:
            return Blocked.NO
    return max(ends.values(), key=_WORSE)


def _next(word: re.Pattern[str], command: Words, starts: Mapping[int, Blocked]) -> dict[int, Blocked]:
    """Return where this word can end, from all places where the word before it ended."""
    waiting = dict(starts)
    ends: dict[int, Blocked] = {}
    for place in range(min(starts), len(command)):
        sure = waiting.get(place)
        if sure is None:
            continue
        text = command[place]
        if text is None:
            # It may be this word, nothing at all, or an option, perhaps one that takes the next word.
            _reach(ends, place + 1, Blocked.MAYBE)
            _reach(waiting, place + 1, Blocked.MAYBE)
            _reach(waiting, place + 2, Blocked.MAYBE)
            continue
        if word.fullmatch(text):
            _reach(ends, place + 1, sure)
        if text.startswith(("-", "+")):
            _reach(waiting, place + 1, sure)
            _reach(waiting, place + 2, sure)
    return ends


def _reach(places: dict[int, Blocked], place: int, sure: Blocked) -> None:
    places[place] = max(places.get(place, Blocked.NO), sure, key=_WORSE)


def covers_command(wide: str, narrow: str) -> bool:
    """Return whether every command of ``narrow`` is certainly one of ``wide``: its words are a wider beginning."""
    wides, narrows = wide.split(" "), narrow.split(" ")
    return len(wides) <= len(narrows) and all(map(_word_covers, wides, narrows))


def _word_covers(wide: str, narrow: str) -> bool:
    if wide in ("*", narrow):
        return True
    return not _WILD.search(narrow) and _word(wide, re.NOFLAG).fullmatch(narrow) is not None
