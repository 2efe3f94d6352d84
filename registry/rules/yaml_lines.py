"""YAML as plain values with the line of each, and plain values as YAML: a small, safe part of YAML 1.2.

Only mappings with text keys, lists, text, whole numbers, true, false and null are taken. Tags, anchors and aliases,
merge keys, several documents, a key written twice and what is nested too deeply are refused: each of them lets a text
mean something else than a reader sees, or cost more than it weighs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

MOST_BYTES = 1_000_000
MOST_DEPTH = 20
# libyaml where the wheel carries it: twenty times as fast, with the same answers.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# No leading zero, which YAML 1.1 reads as octal, and no more digits than a JSON number keeps exactly.
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_TAKEN = {"str", "int", "bool", "null", "seq", "map"}
_PREFIX = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, where: ``line`` counts from 1, ``pointer`` is a JSON pointer (RFC 6901)."""

    line: int
    pointer: str
    detail: str


class YamlError(Exception):
    """A text that cannot be taken. ``faults`` says every reason that was found."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"line {fault.line}: {fault.detail}" for fault in faults))


@dataclass(frozen=True)
class Parsed:
    """The values of a text, and the line on which each begins."""

    value: Any
    lines: Mapping[str, int]

    def line_of(self, pointer: str) -> int:
        """The line of the value, or of the nearest one around it that was written."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)


def parse(text: str) -> Parsed:
    """Return the values of one YAML document; raises ``YamlError``."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise YamlError([Fault(1, "", f"The text is longer than {MOST_BYTES:,} bytes.")])
    try:
        _refuse_sharing(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = f"This is not YAML: {error.problem or error.context}."
        raise YamlError([Fault(mark.line + 1 if mark else 1, "", detail)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError([Fault(line, "", "It holds a character that YAML does not allow.")]) from error
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise YamlError([Fault(line, "", "It holds a character that YAML does not allow.")]) from error
    if node is None:
        raise YamlError([Fault(1, "", "The text is empty.")])
    reading = _Reading()
    value = reading.value(node, "", 0)
    if reading.faults:
        raise YamlError(reading.faults)
    return Parsed(value, reading.lines)


def _refuse_sharing(text: str) -> None:
    # Before composing: an alias that is never resolved can never multiply. Depth is counted here too, since the
    # composer recurses.
    depth, documents = 0, 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlError([Fault(line, "", "Anchors and aliases (& and *) are not taken; write the value out.")])
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise YamlError([Fault(line, "", "Only one document is taken; remove what follows the ---.")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                raise YamlError([Fault(line, "", f"It is nested more than {MOST_DEPTH} deep.")])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reading:
    """The faults and lines found on the way through one tree of nodes."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.lines: dict[str, int] = {}

    def value(self, node: yaml.Node, pointer: str, depth: int) -> Any:
        line = node.start_mark.line + 1
        self.lines[pointer] = line
        kind = node.tag.removeprefix(_PREFIX)
        if kind not in _TAKEN:
            self._fault(node, pointer, _unwanted(kind, node))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, pointer, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{pointer}/{place}", depth + 1) for place, item in enumerate(node.value)]
        return self._scalar(str(node.value), kind, node, pointer)

    def _mapping(self, node: yaml.MappingNode, pointer: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag != f"{_PREFIX}str":
                self._fault(key_node, pointer, f"The key {key_node.value!r} must be text; put it in quotes.")
                continue
            key = key_node.value
            below = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in found:
                self._fault(key_node, below, f"{key} is written twice.")
            found[key] = self.value(value_node, below, depth + 1)
            self.lines[below] = key_node.start_mark.line + 1
        return found

    def _scalar(self, text: str, kind: str, node: yaml.Node, pointer: str) -> Any:
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            # YAML 1.1, which this reader speaks, takes yes, no, on and off for truth; 1.2 does not.
            if text.lower() in ("true", "false"):
                return text.lower() == "true"
            self._fault(node, pointer, f"{text} could be a word or a truth value; write true, false or {text!r}.")
            return None
        if _WHOLE.fullmatch(text):
            return int(text)
        self._fault(node, pointer, f"{text} is not a whole number written in digits; put it in quotes if it is text.")
        return None

    def _fault(self, node: yaml.Node, pointer: str, detail: str) -> None:
        self.faults.append(Fault(node.start_mark.line + 1, pointer, detail))


def _unwanted(kind: str, node: yaml.Node) -> str:
    if kind in ("float", "timestamp", "merge", "value"):
        return f"{node.value} would be read as a {kind}; put it in quotes if it is text."
    return f"The tag {node.tag} is not taken."


class _Dumper(yaml.SafeDumper):
    """Lists are indented under their key, as people write them; nothing is ever an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(f"{_PREFIX}str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def write(value: Any) -> str:
    """Return the YAML text of plain values, keys in the order given; the same values give the same text."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100
    )
    return text
