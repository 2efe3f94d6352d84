"""The risk score of a request: named factors, each a share of its weight, added up to 100 at most.

Only what is really known counts: what was classified, what was stated, and what the portal has seen before. A
factor that applies is kept even where its weight is 0, so that other weights can be tried on what was recorded.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from approvals.rules.classify.actions import Action
from approvals.rules.rulebook_parts import RiskRule
from approvals.rules.view import hides_anything
from portal.ledger.rules.canonical import JSONValue
from registry.rules.actions import UNKNOWN, Reversibility
from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.names import Refused, host_of_repository, normalise_repository

WHOLE = 100  # a share, in hundredths
MOST = 100
# From the first number on the size counts, at the second it counts in full.
FILES, LINES = (5, 50), (100, 1000)

# What each factor is, for whoever sets its weight.
EXPLAIN: Mapping[str, str] = {
    "production": "It names production, by its kind or by the environment stated.",
    "secret_like": "The call holds something that looks like a password, token or private key.",
    "irreversible": "Some part of it cannot be undone.",
    "not_understood": "Some part of it could not be understood.",
    "hidden_text": "The call holds characters that are invisible or disguise others.",
    "sensitive_path": "It touches files whose names speak of sign-in, rights, secrets, keys or payments.",
    "ci_or_infra": "It changes CI, infrastructure, migrations or access.",
    "dependency": "It brings in or changes other people's code.",
    "outside_host": "It reaches a host other than the repository's own.",
    "hard": "Some part of it is hard to undo, and none is beyond undoing.",
    "files": f"It changes more than {FILES[0]} files; in full from {FILES[1]} on.",
    "lines": f"It changes more than {LINES[0]} lines; in full from {LINES[1]:,} on.",
    "unattended": "No person was stated to have started the work.",
    "first_time": "The agent has never been approved for anything like it.",
    "no_tests": "The stated difference changes code and no test.",
}


class Band(StrEnum):
    """How a score is spoken of."""

    LOW = "low"
    ELEVATED = "elevated"
    HIGH = "high"

    @property
    def rank(self) -> int:
        return (Band.LOW, Band.ELEVATED, Band.HIGH).index(self)


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that speaks for caution: its key, the points it adds, a sentence, and its share of the weight."""

    key: str
    points: int
    text: str
    share: int = WHOLE

    def to_document(self) -> dict[str, JSONValue]:
        return {"key": self.key, "points": self.points, "text": self.text, "share": self.share}


@dataclass(frozen=True, slots=True)
class Risk:
    """The score from 0 to 100, what it comes from, and the band it falls in."""

    score: int
    factors: tuple[Factor, ...]
    band: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFacts:
    """What is known of a request. None is "not stated" or "not known", and then the factor does not count.

    ``arguments`` is the call as it is bound, ``diff`` the difference that was stated with it, ``first_time`` whether
    the agent was never approved for anything alike, ``attended`` whether a person was stated to have started the work.
    """

    actions: Sequence[Action]
    catalogue: Catalogue = BUILT_IN
    arguments: JSONValue = None
    repository: str | None = None
    environment: str | None = None
    files: int | None = None
    lines: int | None = None
    diff: str | None = None
    attended: bool = True
    first_time: bool = False


def assess(facts: RiskFacts, rule: RiskRule) -> Risk:
    """Return the score of a request under these weights and thresholds, the heaviest factor first."""
    return _scored(_found(facts), rule)


def reassess(factors: Iterable[Mapping[str, object]], rule: RiskRule) -> Risk:
    """Return the score that recorded factors would have had under other weights and thresholds."""
    return _scored(
        [(str(one["key"]), _share(one), str(one.get("text", ""))) for one in factors if one.get("key") in EXPLAIN], rule
    )


def band_of(score: int, rule: RiskRule) -> Band:
    """Return the band that the score falls in."""
    return Band.HIGH if score >= rule.high else Band.ELEVATED if score >= rule.elevated else Band.LOW


def _share(factor: Mapping[str, object]) -> int:
    share = factor.get("share", WHOLE)
    return min(max(share, 0), WHOLE) if type(share) is int else WHOLE


def _scored(found: Iterable[tuple[str, int, str]], rule: RiskRule) -> Risk:
    # Rounded up: what applies at all and weighs anything is never shown as nothing.
    factors = [Factor(key, -(-rule.weights[key] * share // WHOLE), text, share) for key, share, text in found]
    score = min(MOST, sum(factor.points for factor in factors))
    ordered = tuple(sorted(factors, key=lambda factor: (-factor.points, factor.key)))
    return Risk(score, ordered, band_of(score, rule))


def _found(facts: RiskFacts) -> Iterator[tuple[str, int, str]]:
    """Yield key, share and sentence of each factor that applies."""
    yield from _undoing(facts)
    yield from _kinds(facts)
    yield from _targets(facts)
    yield from _size(facts)
    texts = [*_texts(facts.arguments), facts.diff or ""]
    if any(_SECRET.search(text) for text in texts):
        yield "secret_like", WHOLE, "The call holds something that looks like a secret."
    if any(map(hides_anything, texts)):
        yield "hidden_text", WHOLE, "The call holds characters that hide or disguise something."
    if not facts.attended:
        yield "unattended", WHOLE, "Nobody was stated to have started this work."
    if facts.first_time:
        yield "first_time", WHOLE, "This agent was never approved for anything like it."


def _undoing(facts: RiskFacts) -> Iterator[tuple[str, int, str]]:
    known = [facts.catalogue.action_type(action.type) for action in facts.actions if action.type != UNKNOWN]
    for key, kind, words in (
        ("irreversible", Reversibility.IRREVERSIBLE, "cannot be undone"),
        ("hard", Reversibility.HARD_TO_REVERSE, "is hard to undo"),
    ):
        labels = sorted({one.label for one in known if one.reversibility is kind})
        if labels:
            yield key, WHOLE, f"{', '.join(labels)}: it {words}."
            return


def _kinds(facts: RiskFacts) -> Iterator[tuple[str, int, str]]:
    keys = {action.type for action in facts.actions}
    places = {facts.environment, *(action.environment for action in facts.actions)}
    named = sorted(place for place in places if place is not None and _PRODUCTION.fullmatch(place.strip().lower()))
    if named or "deploy.production" in keys:
        yield "production", WHOLE, f"It concerns {named[0] if named else 'production'}."
    if UNKNOWN in keys:
        yield "not_understood", WHOLE, "The portal could not tell what some part of it does."
    if "dependency.change" in keys:
        yield "dependency", WHOLE, "It brings other people's code into the build."
    touched = sorted(keys & _INFRA.keys())
    if touched:
        yield "ci_or_infra", WHOLE, f"It changes {' and '.join(_INFRA[key] for key in touched)}."


_PRODUCTION = re.compile(r"(?:.*[-_./])?(?:production|prod|prd|live)(?:[-_./0-9].*)?", re.ASCII)
_INFRA: Mapping[str, str] = {
    "access.change": "who may do what",
    "ci.change": "what the build runs",
    "infra.change": "infrastructure",
    "migration.change": "how stored data is transformed",
}


def _targets(facts: RiskFacts) -> Iterator[tuple[str, int, str]]:
    paths = sorted({path for action in facts.actions for path in action.paths if _SENSITIVE.search(_words_of(path))})
    if paths:
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield "sensitive_path", WHOLE, f"It touches {paths[0]}{more}."
    home = _home(facts.repository)
    hosts = sorted({action.host for action in facts.actions if action.host and action.host.lower() not in home})
    if hosts:
        more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
        yield "outside_host", WHOLE, f"It reaches {hosts[0]}{more}."


# Words of a path, each between separators: "author.py" does not speak of "auth".
_SENSITIVE = re.compile(
    r"(?:^| )(?:auth|authn|authz|authentication|authorization|login|logins|password|passwords|passwd|oauth|saml|sso|"
    r"session|sessions|token|tokens|secret|secrets|credential|credentials|crypto|cryptography|encryption|security|"
    r"permission|permissions|acl|rbac|iam|payment|payments|billing|invoice|invoices|ledger|audit|env|pem|key|keys|"
    r"p12|pfx|keystore|id rsa|id ed25519|ssh|gnupg|kube|codeowners|sudoers)(?: |$)"
)
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def _words_of(path: str) -> str:
    return _WORD_END.sub(" ", path).strip().lower()


def _home(repository: str | None) -> frozenset[str]:
    """The hosts that are no others: this machine, and the one that the repository is at, with its API."""
    local = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
    try:
        host = host_of_repository(normalise_repository(repository))
    except Refused:
        return local
    return local | {host, f"api.{host}", f"raw.{host}"}


def _size(facts: RiskFacts) -> Iterator[tuple[str, int, str]]:
    for key, size, (least, full) in (("files", facts.files, FILES), ("lines", facts.lines, LINES)):
        if size is not None and size > least:
            share = max(1, min(WHOLE, (size - least) * WHOLE // (full - least)))
            yield key, share, f"It changes {size:,} {key}."
    if facts.diff:
        changed = [match[1] for match in _CHANGED.finditer(facts.diff)]
        code = [path for path in changed if _CODE.search(path)]
        if code and not any(_TEST.search(path.lower()) for path in changed):
            yield "no_tests", WHOLE, "The difference changes code and no test."


_CHANGED = re.compile(r"^\+\+\+ (?:b/)?(\S[^\t\r\n]*)", re.MULTILINE)
_CODE = re.compile(r"\.(?:py|js|jsx|ts|tsx|java|kt|go|rs|rb|php|cs|c|cc|cpp|h|hpp|swift|scala|sql|sh)$")
_TEST = re.compile(r"(?:^|[/_.-])(?:tests?|specs?)(?:[/_.-]|$)|(?:^|/)test_|test\.[a-z]+$")

# What secrets look like by their issuer's own form, and the words that stand before one. What may be long before it
# fails to match is bounded: the text is the agent's, and may be made to keep the matcher busy.
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bsk-[A-Za-z0-9_-]{20,}|\bsk_live_[A-Za-z0-9]{16,}|\bAIza[A-Za-z0-9_-]{35}"
    r"|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{30,}|\bbw[ap]_[A-Za-z0-9_-]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,}"
    r"|[a-z][a-z0-9+]{1,12}://[^\s/:@]{1,64}:[^\s/@]{6,200}@"
    r"|(?i:\b(?:password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token)\b[\"']?\s{0,3}[=:]\s{0,3}[\"']?"
    r"[^\s\"'$<{]{8,})"
)


def _texts(value: JSONValue) -> Iterator[str]:
    """Yield every text in the arguments, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
