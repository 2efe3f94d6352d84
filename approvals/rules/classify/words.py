"""Turns a word of the shell's syntax tree into its value, or says that only running the command would tell."""

import re
from collections.abc import Mapping

from tree_sitter import Node

from approvals.rules.classify.call import Word

_GLOB = re.compile(r"(?<!\\)[*?\[]")
_BRACES = re.compile(r"(?<!\\)\{[^}]*(?:,|\.\.)")
_DOUBLE_QUOTED = re.compile(r"\\([$`\"\\])|\\\n")
_BARE = re.compile(r"\\\n|\\(.)", re.DOTALL)
_SPLITS = re.compile(r"[\s*?\[\\~]")


# The grammar's scanner (tree-sitter-bash 0.25.1) indexes a C table with whatever character it meets: `{` before a
# letter far outside ASCII ends the process. So it is given a stand-in that is an ordinary part of a word and never of
# a name, one byte for one character, and the text itself is always taken from the original.
_FOREIGN = re.compile(r"[^\t\n\x20-\x7e]")


def masked(source: str) -> bytes:
    """Return the bytes to parse; byte offsets into them are character offsets into ``source``."""
    return _FOREIGN.sub("%", source).encode("ascii")


def text_of(node: Node, source: str) -> str:
    """Return the part of ``source`` that a node stands for."""
    return source[node.start_byte : node.end_byte]


def word_of(node: Node, variables: Mapping[str, str | None], source: str) -> Word:
    """Return the value of a word; ``variables`` holds those whose value is certain at this point."""
    kind = node.type
    if kind in {"word", "number", "variable_name", "command_name"}:
        children = node.named_children
        if children:
            return (
                _joined(children, variables, source)
                if kind == "command_name"
                else Word(text_of(node, source), literal=False)
            )
        return _bare(text_of(node, source))
    if kind == "raw_string":
        return Word(text_of(node, source)[1:-1])
    if kind == "string":
        return _quoted(node, variables, source)
    if kind == "ansi_c_string":
        text = text_of(node, source)
        return Word(text, literal=False) if "\\" in text else Word(text[2:-1])
    if kind == "simple_expansion" or (kind == "expansion" and len(node.children) == 3):
        return _variable(node, variables, source, quoted=False)
    if kind == "concatenation":
        return _joined(node.children, variables, source, whole=text_of(node, source))
    if not node.is_named:
        return _bare(text_of(node, source))
    return Word(text_of(node, source), literal=False)


def _bare(text: str) -> Word:
    if "\\" not in text:
        return Word(text, literal=not ("{" in text and _BRACES.search(text)), glob=_GLOB.search(text) is not None)
    literal = not _BRACES.search(text)
    return Word(_BARE.sub(lambda match: match[1] or "", text), literal=literal, glob=_GLOB.search(text) is not None)


def _quoted(node: Node, variables: Mapping[str, str | None], source: str) -> Word:
    whole = text_of(node, source)
    if not whole.startswith('"'):
        return Word(whole, literal=False)
    parts: list[str] = []
    end = node.start_byte + 1
    for child in node.named_children:
        if child.type == "string_content":
            continue
        if child.type not in {"simple_expansion", "expansion"}:
            return Word(whole, literal=False)
        value = _variable(child, variables, source, quoted=True)
        if not value.literal:
            return Word(whole, literal=False)
        parts += [_unescaped(source[end : child.start_byte]), value.text]
        end = child.end_byte
    parts.append(_unescaped(source[end : node.end_byte - 1]))
    return Word("".join(parts))


def _unescaped(text: str) -> str:
    return _DOUBLE_QUOTED.sub(lambda match: match[1] or "", text) if "\\" in text else text


def _variable(node: Node, variables: Mapping[str, str | None], source: str, *, quoted: bool) -> Word:
    whole = text_of(node, source)
    value = variables.get(whole[1:].strip("{}"))
    if value is None or (not quoted and (not value or _SPLITS.search(value.removeprefix("~")))):
        return Word(whole, literal=False)
    return Word(value)


def _joined(nodes: list[Node], variables: Mapping[str, str | None], source: str, *, whole: str = "") -> Word:
    if len(nodes) == 1:
        return word_of(nodes[0], variables, source)
    parts = [word_of(node, variables, source) for node in nodes]
    # Braces come in pieces here, each harmless alone; the shell looks at the whole word.
    bare = "".join(text_of(node, source) for node in nodes if node.type not in {"string", "raw_string"})
    literal = all(part.literal for part in parts) and not ("{" in bare and ("," in bare or ".." in bare))
    return Word("".join(part.text for part in parts) if literal else whole, literal, any(part.glob for part in parts))
