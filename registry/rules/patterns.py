"""The patterns a scope is written in: which are accepted, which cover which, and how a list is compiled.

Only ``*`` (any run inside one segment), ``?`` (one character inside a segment) and ``**`` (any number of
whole segments) are wildcards; there is no negation and no character class, so that a list is simply the
union of its patterns and can be compared with another. At most two ``*`` a segment and two ``**`` a
pattern: more would let a long name keep the matcher busy.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from registry.rules.names import (
    Refused,
    normalise_branch,
    normalise_environment,
    normalise_host,
    normalise_kind,
    normalise_model,
    normalise_path,
    normalise_repository,
    normalise_repository_id,
    normalise_tool,
    seen_text,
)

MAX_PATTERNS = 200
MAX_PATTERN = 200
WHOLE_TREE = frozenset({"*", "**", "/*", "/**"})

_WILD = re.compile(r"[*?]")


def _shape(pattern: object) -> str:
    """Return the pattern when its wildcards are in order and its text can be seen, else refuse."""
    text = seen_text(pattern, limit=MAX_PATTERN)
    if any(sign in text for sign in "[]{}!\\") or text.startswith("#"):
        raise Refused("Only *, ** and ? are wildcards here; [ ] { } ! \\ and a leading # are not taken.")
    segments = text.split("/")
    for segment in segments:
        if "**" in segment and segment != "**":
            raise Refused("** must stand alone between slashes, as in docs/**.")
        if segment != "**" and segment.count("*") > 2:
            raise Refused("At most two * in one part of a pattern.")
    if segments.count("**") > 2:
        raise Refused("At most two ** in a pattern.")
    return text


def _plain(text: str) -> str:
    """Return the pattern with its wildcards replaced by a letter, to be judged like any name."""
    return _WILD.sub("x", text)


def repository_pattern(pattern: object) -> str:
    """Return the normal form; the owner must be spelled out, since a wildcard there names strangers.

    ``acme/payments#123456789`` is the repository that its host knows by this number, whatever it is called.
    """
    text = _shape(pattern)
    if text.startswith(("*", "?")):
        raise Refused("This would allow repositories of every owner; name the owner.")
    name, sign, number = text.partition("#")
    if not sign:
        return normalise_repository(text, wild=True)
    if _WILD.search(name):
        raise Refused("Only a repository that is named in full can be pinned to the id its host gave it.")
    return f"{normalise_repository(name)}#{normalise_repository_id(number)}"


def branch_pattern(pattern: object) -> str:
    """Return the pattern; one without a single literal character would allow every branch."""
    return _not_everything(protected_pattern(pattern), "branch")


def protected_pattern(pattern: object) -> str:
    """Return the pattern; here ``**`` is taken, because it protects every branch."""
    text = _shape(pattern).removeprefix("refs/heads/")
    normalise_branch(_plain(text))
    return text


def path_pattern(pattern: object) -> str:
    """Return the pattern; ``**`` is taken, because blocked paths are subtracted from what it allows."""
    text = _shape(pattern)
    segments = text.strip("/").split("/")
    if "" in segments or "." in segments or ".." in segments or text.startswith("//") or text.endswith("//"):
        raise Refused("It is not written as a path below the root, as in src/** or /Makefile.")
    normalise_path(_plain(text).lstrip("/"))
    return text


def environment_pattern(pattern: object) -> str:
    """Return the pattern in lower case; production is never in scope."""
    text = _shape(pattern).lower()
    normalise_environment(_plain(text))
    matcher = re.compile(_glob(text, "/"))
    for name in ("production", "prod", "prd", "live"):
        if matcher.fullmatch(name):
            raise Refused("Production cannot be in an agent's scope.")
    return _not_everything(text, "environment")


def host_pattern(pattern: object) -> str:
    """Return the pattern: a host, or ``*.`` and a host with a dot in it, where ``*`` is one label."""
    text = seen_text(pattern, limit=MAX_PATTERN).lower()
    rest = text.removeprefix("*.")
    if _WILD.search(rest) or (rest != text and "." not in rest.removesuffix(".")):
        raise Refused("A host is written in full, or as *.example.com.")
    return text.removesuffix(rest) + normalise_host(rest)


def model_pattern(pattern: object) -> str:
    """Return the pattern; ``*`` alone means any model."""
    text = _shape(pattern)
    normalise_model(_plain(text))
    return text


def tool_pattern(pattern: object) -> str:
    """Return the pattern; a tool's name has no parts, so ``*`` runs to its end, as in ``mcp__github__*``."""
    text = _shape(pattern)
    normalise_tool(_plain(text))
    return _not_everything(text, "tool")


def kind_pattern(pattern: object) -> str:
    """Return the pattern of a kind of credential, in lower case."""
    text = _shape(pattern).lower()
    normalise_kind(_plain(text))
    return _not_everything(text, "kind of credential")


def split_pin(pattern: str) -> tuple[str, str]:
    """Return the repository and the host id it is pinned to, which is empty when it is not."""
    name, _, number = pattern.partition("#")
    return name, number


def _not_everything(text: str, thing: str) -> str:
    if not re.search(r"[^*?/.-]", text):
        raise Refused(f"This would allow every {thing}; name some part of it.")
    return text


def _glob(pattern: str, separator: str) -> str:
    """Return the regular expression of a whole-name pattern."""
    one = f"[^{re.escape(separator)}]"
    built = ""
    segments = pattern.split(separator)
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if segment == "**":
            built += f"{one}+(?:{re.escape(separator)}{one}+)*" if last else f"(?:{one}+{re.escape(separator)})*"
            continue
        for token in re.split(r"([*?])", segment):
            built += {"*": f"{one}*", "?": one}.get(token, re.escape(token))
        built += "" if last else re.escape(separator)
    return built


_ANYWHERE = "^(?:.+/)?"


def _gitignore(patterns: Iterable[str]) -> list[str]:
    """Return the expressions of path patterns, those that match at any depth gathered under one prefix."""
    anchored, anywhere = [], []
    for pattern in patterns:
        compiled = GitIgnoreSpecPattern(pattern).regex
        if compiled is None:
            raise Refused(f"{pattern!r} is not a path pattern.")
        # The group tells pathspec a directory from a file; twice in one alternation it would be an error.
        text = compiled.pattern.replace("(?P<ps_d>/)", "/")
        if not text.startswith(("^", ".")):
            # pathspec searches where this matches from the start; "**/" is the one that differs.
            text = f".*{text}"
        if text.startswith(_ANYWHERE):
            anywhere.append(text.removeprefix(_ANYWHERE))
        else:
            anchored.append(text.removeprefix("^"))
    return [*anchored, *([f"(?:.+/)?(?:{'|'.join(anywhere)})"] if anywhere else [])]


_Matcher = Callable[[str], re.Match[str] | None]


@dataclass(frozen=True, slots=True)
class Patterns:
    """A list of patterns compiled to one alternation; ``build`` compiles a part of it by the same rules."""

    sources: tuple[str, ...]
    matches: _Matcher
    build: Callable[[Sequence[str]], _Matcher]

    def deciding(self, name: str) -> str:
        """Return the first pattern that matches ``name``, or an empty string. Slow: for explanations."""
        return next((source for source in self.sources if self.build([source])(name)), "")


def compile_globs(patterns: Sequence[str], *, separator: str = "/", ignore_case: bool = False) -> Patterns:
    """Compile whole-name patterns. ``ignore_case`` serves lists that forbid, where near is near enough."""
    flags = re.IGNORECASE if ignore_case else re.NOFLAG

    def build(sources: Sequence[str]) -> _Matcher:
        return re.compile("|".join(_glob(source, separator) for source in sources) or "(?!)", flags).fullmatch

    return Patterns(tuple(patterns), build(patterns), build)


def compile_tools(patterns: Sequence[str]) -> Patterns:
    """Compile patterns of names that have no parts: ``*`` is any run of characters."""
    return compile_globs(patterns, separator="\0")


def compile_paths(patterns: Sequence[str], *, ignore_case: bool = False) -> Patterns:
    """Compile path patterns with the meaning that gitignore gives them."""
    flags = re.IGNORECASE if ignore_case else re.NOFLAG

    def build(sources: Sequence[str]) -> _Matcher:
        return re.compile("|".join(_gitignore(sources)) or "(?!)", flags).match

    return Patterns(tuple(patterns), build(patterns), build)


def covers(wide: str, narrow: str, *, separator: str = "/") -> bool:
    """Return whether everything ``narrow`` matches is certainly matched by ``wide`` (whole-name patterns).

    False means "not shown", not "no": what cannot be shown to be covered is treated as new.
    """
    if wide in (narrow, "**"):
        return True
    wides, narrows = wide.split(separator), narrow.split(separator)
    if wides[-1] == "**" and len(narrows) >= len(wides):
        return wides[:-1] == narrows[: len(wides) - 1]
    if len(wides) != len(narrows) or "**" in wides or "**" in narrows:
        return False
    return all(_segment_covers(a, b, separator) for a, b in zip(wides, narrows, strict=True))


def _segment_covers(wide: str, narrow: str, separator: str) -> bool:
    if wide in ("*", narrow):
        return True
    return not _WILD.search(narrow) and re.fullmatch(_glob(wide, separator), narrow) is not None


def covers_path(wide: str, narrow: str) -> bool:
    """Return whether everything the path pattern ``narrow`` matches is certainly matched by ``wide``."""
    if wide in WHOLE_TREE or wide == narrow:
        return True
    # A slash anywhere but at the end ties a gitignore pattern to the root; the others match at any depth.
    if "/" not in wide[:-1] or "/" not in narrow[:-1]:
        return False
    wide, narrow = wide.removeprefix("/"), narrow.removeprefix("/")
    return wide.endswith("/**") and narrow.startswith(wide[:-2])
