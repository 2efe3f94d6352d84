"""What a script does with its variables: which it sets, by assignment, builtin or arithmetic, and what that changes.

The table: options that take a value of the builtins that are given names (``_VALUED``), so that the names are found
behind them.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

from approvals.rules.classify.call import Word, arguments, names
from approvals.rules.classify.environment import effect_of_setting

_VALUED = {
    "read": names("-a -d -i -n -N -p -t -u"),
    "mapfile": names("-d -n -O -s -u -C -c"),
    "readarray": names("-d -n -O -s -u -C -c"),
}
_COMPUTED = re.compile(
    r"([A-Za-z_]\w*)(?=\s*(?:\[[^]\n]{0,200}\]\s*)?(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--))"
    r"|(?:\+\+|--)\s*([A-Za-z_]\w*)"
)
# A name that is not being read: set, or given to something that may set it.
_NAMED = re.compile(r"(?<![\w${])[A-Za-z_]\w*")
# `((a))` and `[[ a -eq b ]]` and `${x:a}` evaluate a and b as `$((a))` does, and so does a subscript.
COMPARES = re.compile(r"\(\(|\s-(?:eq|ne|lt|le|gt|ge)\s")
EVALUATES = re.compile(r"\$\{\w+(?::(?![-+=?])|\[(?![@*]\])\D)")
# `exec {name}<file` writes a number into the variable of that name.
_DESCRIPTOR = re.compile(r"(?<![^\s;&|(){}])\{([A-Za-z_]\w*)(?:\[[^]\n]{0,200}\])?\}(?=[<>])")


def names_given(program: str, args: Sequence[Word]) -> list[str] | None:
    """Return the names that a builtin writes what it reads or prints to; None when they cannot be told."""
    if program == "printf":
        first = args[0] if args else Word("")
        if not first.text.startswith("-v"):
            return None if not first.literal and first.text.lstrip('"')[:1] in {"$", "`"} else []
        found = [Word(first.text[2:], first.literal)] if len(first.text) > 2 else list(args[1:2])
    elif program == "getopts":
        found = list(args[1:2])
    elif program == "let":
        found = list(args)
    elif program in _VALUED:
        given = arguments(args, _VALUED[program])
        found = [*given.rest, *given.values("-a")]
        # An option's value that is not quoted may split into words, and one of them may be a name.
        if any(not word.literal and not word.text.startswith('"') for word in args):
            return None
    else:
        return []
    return [word.text for word in found] if all(word.literal and not word.glob for word in found) else None


class Variables:
    """The variables of one script. ``values`` holds the last written value of each name, None when not certain."""

    def __init__(self, text: str, unknown: Callable[[str], None]) -> None:
        self.text = text
        self.unknown = unknown
        self.values: dict[str, str | None] = {} if "HOME=" in text else {"HOME": "~"}
        self.assigned: set[str] = set()
        self.evaluates = False
        self.computes = False
        self.hides_code = False
        self.from_elsewhere = False
        self.sets = False
        self._mentions: Counter[str] | None = None

    def name(self, name: str, value: str = "") -> None:
        """Note that the script sets this variable, in whatever way."""
        self.computes = self.computes or "[" in name
        name = name.partition("[")[0].removesuffix("+")
        self.assigned.add(name)
        if effect := effect_of_setting(name, value):
            self.unknown(effect)

    def mentions(self, name: str) -> int:
        """Return how often a name stands in the script where it is not read."""
        if self._mentions is None:
            self._mentions = Counter(_NAMED.findall(self.text))
        return self._mentions[name]

    def compute(self) -> None:
        """Note that the script evaluates arithmetic."""
        self.evaluates = self.computes = True

    def give(self, program: str, args: Sequence[Word]) -> None:
        """Note what a builtin sets that is given names."""
        self.sets = self.evaluates = True
        given = names_given(program, args)
        if given is None:
            self.unknown(f"Which variable {program} sets is not written out.")
        self.from_elsewhere = self.from_elsewhere or program in _VALUED
        self.computes = self.computes or program == "let" or any("[" in word.text[1:] for word in args)
        for name in given or []:
            self.name(name)

    def finish(self) -> None:
        """Say what only the whole script shows."""
        if self.evaluates and self.hides_code:
            # `X='a[$(rm x)]'; echo $((X))` runs rm: arithmetic evaluates what a variable holds.
            self.unknown("A quoted text may be run by an arithmetic expression.")
        if self.computes and self.from_elsewhere:
            # `read X < f; echo $((X))` runs what stands in f.
            self.unknown("A text from elsewhere may be run by an arithmetic expression.")
        if self.computes:
            # Wherever the text stands: `X='PATH=1'; echo $((X))` sets PATH.
            for first, second in _COMPUTED.findall(self.text):
                self.name(first or second)
        for name in _DESCRIPTOR.findall(self.text):
            self.name(name)
        if self.sets and self.values.keys() - {"HOME"}:
            self.unknown("A variable may be changed in a way that cannot be followed.")
