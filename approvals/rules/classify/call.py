"""One program being run: its words, where it runs, and the ways a reader of it can say what it does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from approvals.rules.classify import paths
from approvals.rules.classify.actions import Action

_LOOKS = frozenset({"read", "search", "secret.read", "outside.repository", "unknown", "network.fetch"})


class Word(NamedTuple):
    """One word after the shell's quoting is taken off.

    ``literal`` is False when its value is only known at run time; ``glob`` is True when it holds an unquoted
    wildcard, so that it may stand for several names.
    """

    text: str
    literal: bool = True
    glob: bool = False


class Arguments(NamedTuple):
    """Words sorted into options, each with its value if it has one, and the rest in order."""

    options: list[tuple[str, Word | None]]
    rest: list[Word]

    def has(self, *names: str) -> bool:
        """Return whether any of these options was given."""
        return any(name in names for name, _ in self.options)

    def values(self, *names: str) -> list[Word]:
        """Return the values given to these options."""
        return [value for name, value in self.options if name in names and value is not None]


class Call:
    """A program with its arguments. Readers add actions to ``found``; an unclear one adds ``unknown``."""

    __slots__ = ("args", "found", "place", "program", "run", "script")

    def __init__(  # noqa: PLR0917  made in two places only
        self,
        program: str,
        args: Sequence[Word],
        place: paths.Place,
        found: list[Action],
        run: Callable[[Sequence[Word]], None],
        script: Callable[[str], None],
    ) -> None:
        self.program = program
        self.args = args
        self.place = place
        self.found = found
        self.run = run
        self.script = script

    def add(
        self,
        kind: str,
        resource: str = "",
        detail: str = "",
        *,
        branch: str | None = None,
        host: str | None = None,
        environment: str | None = None,
    ) -> None:
        """Add one action that is not about a path."""
        self.found.append(Action(kind, resource or self.program, detail, (), branch, host, environment))

    def unknown(self, why: str) -> None:
        """Say that some part of this call cannot be understood, in a sentence for the approver."""
        self.found.append(Action("unknown", self.program, why))

    def clear(self, words: Iterable[Word] | None = None) -> bool:
        """Return whether every word has its value written out; if not, add ``unknown``."""
        for word in self.args if words is None else words:
            if not word.literal:
                self.unknown(f"{word.text} has no value that can be read from the command.")
                return False
        return True

    def read(self, words: Iterable[Word], kind: str = "read", *, content: bool = True) -> None:
        """Add the reading of these paths. With ``content`` False only names are shown, which tells no secret."""
        for word in words:
            for path in self._targets(word):
                if content and self._secret(word, path):
                    continue
                if self.place.inside(path) or paths.scratch(path) or paths.harmless_device(path):
                    shown = self.place.shown(path)
                    self.found.append(Action(kind, shown, self.program, (shown,)))
                else:
                    self._outside(path)

    def write(self, words: Iterable[Word], kind: str = "") -> None:
        """Add the changing of these paths; ``kind`` (``file.delete``) is added beside a special path's own."""
        for word in words:
            if word.glob and paths.special(word.text) == "edit.file" and word.text.startswith("."):
                self.unknown(f"{word.text} may match files that have a meaning of their own.")
            for path in self._targets(word):
                if paths.harmless_device(path):
                    self.found.append(Action("read", path, self.program))
                    continue
                self._secret(word, path)
                self._change(path, kind)

    def touch(self, word: Word) -> None:
        """Look at an argument whose role is not known: only a secret's path, or one that leads outside, counts."""
        text = word.text.partition("=")[2] or word.text
        if not text.startswith(("/", "~", "..")) and "/.." not in text:
            self._secret(word, text)
            return
        for path in self.place.resolve(text):
            inside = self.place.inside(path) or paths.scratch(path) or paths.harmless_device(path)
            if not self._secret(word, path) and not inside:
                self._outside(path)

    def look_at(self, words: Iterable[Word]) -> None:
        """Look at every word that is written out, as ``touch`` does."""
        for word in words:
            if word.literal:
                self.touch(word)

    def judge_place(self, before: int) -> None:
        """Say of a program that changed anything from ``before`` on when it ran outside the session's directory."""
        if all(action.type in _LOOKS for action in self.found[before:]):
            return
        if not self.place.dirs:
            self.found.append(Action("unknown", "shell", f"It cannot be told in which directory {self.program} runs."))
        for directory in self.place.dirs:
            if not self.place.inside(directory):
                self.found.append(Action("outside.repository", directory, f"{self.program} runs there.", (directory,)))

    def _change(self, path: str, kind: str) -> None:
        shown = self.place.shown(path)
        special = paths.special(path if self.place.inside(path) or not self.place.root else shown)
        if not self.place.inside(path):
            self._outside(path)
        if special != "edit.file" or not kind:
            self.found.append(Action(special, shown, self.program, (shown,)))
        if kind:
            self.found.append(Action(kind, shown, self.program, (shown,)))

    def _targets(self, word: Word) -> tuple[str, ...]:
        if not word.literal:
            self.unknown(f"{word.text} is a path that cannot be read from the command.")
            return ()
        targets = self.place.resolve(word.text)
        if not targets:
            self.unknown(f"It cannot be told in which directory {word.text} lies.")
        return targets

    def _secret(self, word: Word, path: str) -> bool:
        # Both forms: through `cd ~/.ssh` only the resolved path shows it, and a wildcard only as written.
        if not paths.is_secret(path) and not (word.glob and paths.glob_may_be_secret(word.text)):
            return False
        shown = self.place.shown(path)
        self.found.append(Action("secret.read", shown, self.program, (shown,)))
        return True

    def _outside(self, path: str) -> None:
        self.found.append(Action("outside.repository", path, self.program, (path,)))


def arguments(words: Sequence[Word], valued: frozenset[str] = frozenset()) -> Arguments:
    """Sort words into options and the rest.

    ``valued`` names the options that take a value (``-o``, ``--output``). Short options may be run together
    (``-rn5``); ``--`` ends the options.
    """
    options: list[tuple[str, Word | None]] = []
    rest: list[Word] = []
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        text = word.text
        if text == "--":
            rest.extend(words[index:])
            break
        if not text.startswith("-") or text == "-":
            rest.append(word)
        elif text.startswith("--"):
            name, equals, value = text.partition("=")
            if equals:
                options.append((name, Word(value, word.literal, word.glob)))
            elif name in valued and index < len(words):
                options.append((name, words[index]))
                index += 1
            else:
                options.append((name, None))
        else:
            index = _cluster(word, words, index, valued, options)
    return Arguments(options, rest)


def after_options(call: Call, words: Sequence[Word], valued: frozenset[str], plain: frozenset[str]) -> list[Word]:
    """Return the words from the first that is not an option, which is the verb.

    An option that is not listed may take the next word for its value: in `npm --tag test publish` the verb is
    publish. So one adds ``unknown``.
    """
    rest = list(words)
    while rest and rest[0].text.startswith("-"):
        name, equals, _ = rest[0].text.partition("=")
        if name not in valued and name not in plain:
            call.unknown(f"{name} may take the word after it for its value, so what {call.program} does is not clear.")
        rest = rest[2 if name in valued and not equals else 1 :]
    return rest


def _cluster(
    word: Word,
    words: Sequence[Word],
    index: int,
    valued: frozenset[str],
    options: list[tuple[str, Word | None]],
) -> int:
    for place, letter in enumerate(word.text[1:], start=2):
        name = f"-{letter}"
        if name not in valued:
            options.append((name, None))
            continue
        attached = word.text[place:]
        if attached:
            options.append((name, Word(attached, word.literal, word.glob)))
        elif index < len(words):
            options.append((name, words[index]))
            index += 1
        else:
            options.append((name, None))
        break
    return index


def names(text: str) -> frozenset[str]:
    """Return the words of a text: how the tables here write a set of names so that it can be read."""
    return frozenset(text.split())


def kinds_of(rows: Mapping[str, str]) -> Mapping[str, str]:
    """Return the kind of each word, from rows of a kind and its words."""
    return {word: kind for kind, row in rows.items() for word in row.split()}
