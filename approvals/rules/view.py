"""What an approver is shown: one canonical document that is sealed, and the marking of text that hides something."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from approvals.rules.authorize import Rule
from approvals.rules.classify.actions import Action
from portal.ledger.rules.canonical import JSONValue, canonicalize
from registry.rules.actions import Reversibility, action_type
from registry.rules.catalogue import BUILT_IN, Catalogue

FORMAT = "bailiwick-view/2"
# What was sealed before says nothing of risk, rulebook, difference and the agent's own words; it is shown as it is.
FORMATS = frozenset({"bailiwick-view/1", FORMAT})


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFacts:
    """Everything that the approver sees. Times are aware; ``grant_minutes`` is how long an approval can be used.

    ``target`` and ``stated`` hold what the enforcement point said around the call, and the size of the change;
    ``levels`` the revisions in force above the agent's own. ``around`` is what the digest binds beside the call,
    ``decides`` what the rulebook asks for, ``risk`` the score with its factors, ``said`` the agent's own words,
    ``diff`` the whole difference that was stated, ``people`` who was stated to have a part in it, and ``edited`` what a
    reviewer changed, where one did.
    """

    number: str
    agent_id: UUID
    agent_name: str
    charter: str
    owner_team: str
    accountable_person: str
    initiator: str
    credential: str
    session_id: str
    tool: str
    arguments: dict[str, JSONValue]
    actions: Sequence[Action]
    target: Mapping[str, JSONValue]
    stated: Mapping[str, JSONValue] = field(default_factory=dict)
    task: str | None = None
    catalogue: Catalogue = BUILT_IN
    tier: str
    rules: Sequence[Rule]
    sentence: str
    digest: bytes
    revision_id: UUID
    revision_number: int
    levels: Mapping[str, Mapping[str, JSONValue]] = field(default_factory=dict)
    epoch: int
    quorum: int
    opened_at: datetime
    expires_at: datetime
    grant_minutes: int
    head: str | None = None
    diff: str | None = None
    said: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, JSONValue] = field(default_factory=dict)
    around: Mapping[str, JSONValue] = field(default_factory=dict)
    decides: Mapping[str, JSONValue] = field(default_factory=dict)
    risk: Mapping[str, JSONValue] = field(default_factory=dict)
    edited: Mapping[str, JSONValue] | None = None


def build_view(facts: ViewFacts) -> bytes:
    """Return the canonical JSON (RFC 8785) of the view. Every text is whole: nothing is shortened before sealing."""
    document: JSONValue = {
        "format": FORMAT,
        "number": facts.number,
        "asks": {"agent": str(facts.agent_id), "name": facts.agent_name, "session": facts.session_id},
        "authority": {
            "charter": facts.charter,
            "owner_team": facts.owner_team,
            "accountable_person": facts.accountable_person,
            "credential": facts.credential,
        },
        "initiator": facts.initiator,
        "action": {
            "tool": facts.tool,
            "arguments": facts.arguments,
            "does": [_action(action, facts.catalogue) for action in facts.actions],
        },
        "task": facts.task,
        "target": dict(facts.target),
        "stated": dict(facts.stated),
        "gated": {
            "tier": facts.tier,
            "sentence": facts.sentence,
            "rules": [_rule(rule) for rule in facts.rules],
        },
        "binds": {
            "digest": facts.digest.hex(),
            "revision": str(facts.revision_id),
            "revision_number": facts.revision_number,
            "levels": {level: dict(revision) for level, revision in facts.levels.items()},
            "epoch": facts.epoch,
            "quorum": facts.quorum,
            "opened_at": _moment(facts.opened_at),
            "expires_at": _moment(facts.expires_at),
            "grant_minutes": facts.grant_minutes,
        },
        "around": dict(facts.around),
        "decides": dict(facts.decides),
        "risk": dict(facts.risk),
        "head": facts.head,
        "diff": facts.diff,
        "said": dict(facts.said),
        "people": dict(facts.people),
        "edited": None if facts.edited is None else dict(facts.edited),
    }
    return canonicalize(document)


def reversibility_of(deed: Mapping[str, object]) -> Reversibility:
    """How far a deed of a view can be undone, as it was sealed; an old view says only which built-in action it is."""
    sealed = deed.get("reversibility")
    return Reversibility(str(sealed)) if sealed else action_type(str(deed["type"])).reversibility


def view_hash(view: bytes) -> bytes:
    """Return the SHA-256 that a review carries to say what it was given for."""
    return hashlib.sha256(b"bailiwick/view/v1\0" + view).digest()


def _rule(rule: Rule) -> JSONValue:
    level = None if rule.level is None else rule.level.value
    return {"id": rule.id, "effect": rule.effect.value, "text": rule.text, "level": level}


def _action(action: Action, catalogue: Catalogue) -> JSONValue:
    # What kind of action it is stands with it: the organisation's own ones may be worded otherwise tomorrow.
    kind = catalogue.action_type(action.type)
    return {
        "type": action.type,
        "label": kind.label,
        "explain": kind.explain,
        "reversibility": kind.reversibility.value,
        "resource": action.resource,
        "detail": action.detail,
        "paths": list(action.paths),
        "branch": action.branch,
        "host": action.host,
        "environment": action.environment,
    }


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Kind(StrEnum):
    """Plain text, or what kind of hiding a piece of text could do."""

    TEXT = "text"
    BIDI = "bidi"
    INVISIBLE = "invisible"
    CONTROL = "control"
    ESCAPE = "escape"
    CONFUSABLE = "confusable"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the text as it was sent; ``label`` is what a page shows in its place, empty for plain text."""

    kind: Kind
    text: str
    label: str = ""


_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_]?)|\x9b[0-?]*[ -/]*[@-~]"
_BIDI = r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_INVISIBLE = (
    r"[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u2800\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\u00a0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
# A word with a letter outside ASCII is looked at as a whole: one foreign letter among Latin ones is the trick. It is
# looked for where a word begins, or a megabyte of letters would be read from each of them; after a filler, which is
# marked by itself, another begins.
_WORD = r"(?:(?<![^\W\d_])|(?<=[\u115f\u1160\u3164\uffa0]))[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*"
# What is no letter and is drawn like a sign that a shell, an address or a path means something by: fractions and
# divisions like a slash, leaders and colons, the Greek question mark, strokes laid over the letter before. A dash only
# where it could be read as the one of an option, and a wide sign only next to an ASCII one: both are usual in prose.
_SIGN = (
    r"[\u0332\u0335-\u0338\u037e\u2024\u2044\u2215\u2216\u2217\u2236\u2223\u29f5\u29f8\ua789\u02d0\u0589\u1806]"
    r"|(?:(?<![^\s])|(?<=[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]))[\u2010-\u2015\u2212\ufe58\ufe63\uff0d](?=\S)"
    r"|(?<=[!-~])[\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff5e]|[\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff5e](?=[!-~])"
)
_HIDDEN = re.compile(
    f"(?P<escape>{_ESCAPE})|(?P<bidi>{_BIDI})|(?P<invisible>{_INVISIBLE})|(?P<control>{_CONTROL})|(?P<sign>{_SIGN})"
    f"|(?P<confusable>{_WORD})"
)


# Unicode has no names for these.
_NAMES = {"\r": "CARRIAGE RETURN", "\x7f": "DELETE", "\x08": "BACKSPACE", "\0": "NULL"}
# What is asked of a character again and again is answered once. Of one character only: an escape sequence can be as
# long as the whole text, and would be kept.
_MOST_KEPT = 16_384


def mark_hidden(text: str) -> list[Segment]:
    """Cut the text into pieces, those that hide or disguise something labelled; joined they are the whole text."""
    segments: list[Segment] = []
    end = 0
    for start, mark in _marks(text):
        if end < start:
            segments.append(Segment(Kind.TEXT, text[end:start]))
        segments.append(mark)
        end = start + len(mark.text)
    return [*segments, Segment(Kind.TEXT, text[end:])] if end < len(text) else segments


def hides_anything(text: str) -> bool:
    """Return whether any part of the text would be marked."""
    return next(_marks(text), None) is not None


def _marks(text: str) -> Iterator[tuple[int, Segment]]:
    """What hides or disguises something, each with the place in the text where it begins."""
    for match in _HIDDEN.finditer(text):
        found, start = match[0], match.start()
        if match.lastgroup == Kind.CONFUSABLE:
            for at in _disguised(found):
                yield start + at, _lookalike(found[at])
        elif match.lastgroup == "sign":
            yield start, _lookalike(found)
        elif len(found) == 1:
            yield start, _hiding(str(match.lastgroup), found)
        else:
            yield start, Segment(Kind.ESCAPE, found, f"[escape sequence {found[1:]!r}]")


def _disguised(word: str) -> Iterable[int]:
    """Where in a word the letters are that do not belong to the script of the others, or only look like ASCII."""
    scripts = {letter: _script(letter) for letter in set(word)}
    kinds = set(scripts.values())
    if len(kinds) == 1 and not kinds & _ALWAYS and not _all_lookalike(word):
        return ()
    return [at for at, letter in enumerate(word) if scripts[letter] != "LATIN"]


@lru_cache(maxsize=_MOST_KEPT)
def _lookalike(letter: str) -> Segment:
    return Segment(Kind.CONFUSABLE, letter, f"{letter} is {_name(letter)}")


@lru_cache(maxsize=_MOST_KEPT)
def _hiding(kind: str, character: str) -> Segment:
    name = _NAMES.get(character) or unicodedata.name(character, kind.upper())
    return Segment(Kind(kind), character, f"[U+{ord(character):04X} {name}]")


# Cyrillic and Greek letters drawn like Latin ones (a part of Unicode's confusables.txt): a word made of nothing
# else reads as a Latin word though its letters are all of one script.
_LOOKALIKES = frozenset("асеорхуіјѕԁһԛԝԍӏвкмнтАВЕКМНОРСТУХІЈЅαορνικυχτΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")


# Letters of the Latin script itself that are drawn like plain ones: of phonetics, the dotless i, small capitals.
_LATIN_LOOKALIKES = frozenset("ıɑɡɩɪɴʀʏʟᴄᴏᴠᴡᴢꜱǀ")
# What is never a matter of the language: these letters are marked even in a word that has no others.
_ALWAYS = frozenset({"COMPATIBILITY", "LOOKALIKE", "CHEROKEE", "LISU"})


def _all_lookalike(word: str) -> bool:
    return _LOOKALIKES.issuperset(word)


@lru_cache(maxsize=_MOST_KEPT)
def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN"
    if letter in _LATIN_LOOKALIKES:
        return "LOOKALIKE"
    compatible = unicodedata.normalize("NFKC", letter)
    if compatible != letter and compatible.isascii():
        return "COMPATIBILITY"  # full-width and mathematical letters
    return _name(letter).partition(" ")[0]


def _name(letter: str) -> str:
    return unicodedata.name(letter, f"U+{ord(letter):04X}")
