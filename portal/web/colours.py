"""The colours of code: which stretches of a text are keywords, strings or comments, as Pygments reads them."""

from functools import lru_cache
from time import monotonic
from typing import Final

from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_by_name
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

Span = tuple[int, int, str]

# By the ending of the file's name. A short list on purpose: what a lexer is given was written by somebody else.
_LEXERS: Final = {
    "bash": "sh bash zsh",
    "c": "c h",
    "cpp": "cc cpp cxx hpp",
    "csharp": "cs",
    "css": "css scss",
    "docker": "dockerfile",
    "go": "go",
    "html": "html htm",
    "ini": "ini cfg",
    "java": "java",
    "javascript": "js mjs cjs jsx",
    "json": "json",
    "kotlin": "kt kts",
    "php": "php",
    "python": "py pyi",
    "ruby": "rb",
    "rust": "rs",
    "sql": "sql",
    "terraform": "tf tfvars",
    "toml": "toml",
    "typescript": "ts tsx",
    "yaml": "yml yaml",
}
_BY_ENDING: Final = {ending: name for name, endings in _LEXERS.items() for ending in endings.split()}
_CLASSES: Final = (
    (Comment, "c"),
    (Keyword, "k"),
    (String, "s"),
    (Number, "m"),
    (Name.Function, "nf"),
    (Name.Class, "nf"),
    (Name.Tag, "k"),
    (Name.Attribute, "nf"),
    (Name.Decorator, "nf"),
)
# A line longer than this is not code that somebody formats, and the patterns of a lexer are slow on it.
MOST_OF_LINE: Final = 1000
MOST: Final = 60_000
# And some are slow on what was written to make them so: there, no colours.
SECONDS: Final = 0.25


def lexer_for(name: str) -> Lexer | None:
    """The lexer for a file's name; None when it is not one of those known."""
    ending = name.rpartition("/")[2].rpartition(".")[2].lower()
    return _lexer(_BY_ENDING[ending]) if ending in _BY_ENDING else None


@lru_cache(maxsize=len(_LEXERS))
def _lexer(name: str) -> Lexer:
    lexer: Lexer = find_lexer_class_by_name(name)()
    return lexer


def stretches(text: str, lexer: Lexer) -> list[Span]:
    """The stretches of the text that have a colour: where they begin and end, and the class.

    None at all when it is long, or takes long.
    """
    if len(text) > MOST or any(len(line) > MOST_OF_LINE for line in text.split("\n")):
        return []
    found: list[Span] = []
    until = monotonic() + SECONDS
    for first, kind, value in lexer.get_tokens_unprocessed(text):
        if monotonic() > until:
            return []
        css = _class_of(kind)
        if css:
            found.append((first, first + len(value), css))
    return found


def colours(lines: list[str], lexer: Lexer) -> list[list[Span]]:
    """The same for each line of a text by itself."""
    by_line: list[list[Span]] = [[] for _ in lines]
    row = start = 0
    for first, last, css in stretches("\n".join(lines), lexer):
        while first > start + len(lines[row]):
            start += len(lines[row]) + 1
            row += 1
        at, line_start = row, start
        while at < len(lines) and line_start < last:
            begin, end = max(first, line_start), min(last, line_start + len(lines[at]))
            if begin < end:
                by_line[at].append((begin - line_start, end - line_start, css))
            line_start += len(lines[at]) + 1
            at += 1
    return by_line


@lru_cache(maxsize=256)
def _class_of(kind: _TokenType) -> str:
    # A kind is in those it belongs to: a tuple that begins like another one.
    return next((css for token, css in _CLASSES if kind[: len(token)] == token), "")
