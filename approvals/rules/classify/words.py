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


def text_of(node: Node) -> str:
    """Return the source of a node. The tree is made from UTF-8 that was valid, so this cannot fail."""
    return (node.text or b"").decode()


def word_of(node: Node, variables: Mapping[str, str | None]) -> Word:
    """Return the value of a word; ``variables`` holds those whose value is certain at this point."""
    kind = node.type
    if kind in {"word", "number", "variable_name", "command_name"}:
        children = node.named_children
        if children:
            return _joined(children, variables) if kind == "command_name" else Word(text_of(node), literal=False)
        return _bare(text_of(node))
    if kind == "raw_string":
        return Word(text_of(node)[1:-1])
    if kind == "string":
        return _quoted(node, variables)
    if kind == "ansi_c_string":
        text = text_of(node)
        return Word(text, literal=False) if "\\" in text else Word(text[2:-1])
    if kind == "simple_expansion" or (kind == "expansion" and len(node.children) == 3):
        return _variable(node, variables, quoted=False)
    if kind == "concatenation":
        return _joined(node.children, variables, whole=text_of(node))
    if not node.is_named:
        return _bare(text_of(node))
    return Word(text_of(node), literal=False)


def _bare(text: str) -> Word:
    if "\\" not in text:
        return Word(text, literal=not ("{" in text and _BRACES.search(text)), glob=_GLOB.search(text) is not None)
    literal = not _BRACES.search(text)
    return Word(_BARE.sub(lambda match: match[1] or "", text), literal=literal, glob=_GLOB.search(text) is not None)


def _quoted(node: Node, variables: Mapping[str, str | None]) -> Word:
    source = text_of(node)
    if not source.startswith('"'):
        return Word(source, literal=False)
    parts, end = [], node.start_byte + 1
    raw = node.text or b""
    for child in node.named_children:
        if child.type == "string_content":
            continue
        if child.type not in {"simple_expansion", "expansion"}:
            return Word(source, literal=False)
        value = _variable(child, variables, quoted=True)
        if not value.literal:
            return Word(source, literal=False)
        parts += [_unescaped(raw[end - node.start_byte : child.start_byte - node.start_byte]), value.text]
        end = child.end_byte
    parts.append(_unescaped(raw[end - node.start_byte : -1]))
    return Word("".join(parts))


def _unescaped(raw: bytes) -> str:
    text = raw.decode()
    return _DOUBLE_QUOTED.sub(lambda match: match[1] or "", text) if "\\" in text else text


def _variable(node: Node, variables: Mapping[str, str | None], *, quoted: bool) -> Word:
    source = text_of(node)
    name = source[1:].strip("{}")
    value = variables.get(name)
    if value is None or (not quoted and (not value or _SPLITS.search(value.removeprefix("~")))):
        return Word(source, literal=False)
    return Word(value)


def _joined(nodes: list[Node], variables: Mapping[str, str | None], *, whole: str = "") -> Word:
    if len(nodes) == 1:
        return word_of(nodes[0], variables)
    parts = [word_of(node, variables) for node in nodes]
    # Braces come in pieces here, each harmless alone; the shell looks at the whole word.
    bare = "".join(text_of(node) for node in nodes if node.type not in {"string", "raw_string"})
    literal = all(part.literal for part in parts) and not ("{" in bare and ("," in bare or ".." in bare))
    return Word("".join(part.text for part in parts) if literal else whole, literal, any(part.glob for part in parts))
