"""Whose outside tokens may be exchanged: the issuers, the claims each offers, what a trust must name, and matching.

A trust names claims with the one text each must have. There are no wildcards: a pattern that matches too much
gives an agent's rights to a stranger. A name can be given to another repository later, so GitHub's trusts must
name the repository's id; the subject (``sub``) has changed its spelling over time and is never taken apart.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from registry.rules.names import Refused, normalise_repository
from registry.rules.texts import fault_in

MOST_CLAIMS = 20
MOST_VALUE = 300
MOST_AUDIENCE = 200
MOST_JTI = 255
Faults = list[dict[str, str]]


class IssuerKind(StrEnum):
    """Which claims an issuer's tokens have."""

    GITHUB = "github"
    CURSOR = "cursor"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens, and the one address that its public keys are read from."""

    name: str
    label: str
    issuer: str
    jwks_url: str
    kind: IssuerKind

    @property
    def host(self) -> str:
        """The host that repository names of a GitHub issuer are on; empty for github.com itself."""
        if self.issuer == _GITHUB_COM or self.issuer.startswith(f"{_GITHUB_COM}/"):
            return ""
        return urlsplit(self.issuer).netloc.lower().removeprefix("token.actions.")


_GITHUB_COM = "https://token.actions.githubusercontent.com"
BUILT_IN = (
    Issuer("github", "GitHub Actions", _GITHUB_COM, f"{_GITHUB_COM}/.well-known/jwks", IssuerKind.GITHUB),
    Issuer("cursor", "Cursor", "https://api.cursor.com", "https://api.cursor.com/keys", IssuerKind.CURSOR),
)

# What a trust may ask of each kind of issuer, in the order that pages show it.
OFFERED: Mapping[IssuerKind, tuple[str, ...]] = MappingProxyType(
    {
        IssuerKind.GITHUB: (
            "repository_id", "repository_owner_id", "repository", "repository_owner", "environment", "ref", "ref_type",
            "event_name", "workflow", "workflow_ref", "job_workflow_ref", "runner_environment", "actor_id",
            "repository_visibility", "enterprise_id", "sub",
        ),
        IssuerKind.CURSOR: ("sub", "team_id", "cloud_agent_id", "agent_runtime", "repo_url", "branch_name"),
        IssuerKind.OTHER: (),
    }
)  # fmt: skip
# Whoever asks for a token may choose its audience, so each trust must also name whose token it is.
_NEEDED: Mapping[IssuerKind, tuple[str, ...]] = MappingProxyType(
    {IssuerKind.GITHUB: ("repository_id",), IssuerKind.CURSOR: ("sub", "team_id", "cloud_agent_id")}
)
# What stays of an exchanged token, with the credential and in the record. Nothing else of it is kept.
KEPT = (
    "repository", "repository_id", "repository_owner", "repository_owner_id", "run_id", "run_number", "run_attempt",
    "workflow", "workflow_ref", "job_workflow_ref", "ref", "sha", "event_name", "environment", "runner_environment",
    "actor", "actor_id", "sub", "cloud_agent_id", "agent_runtime", "team_id", "turn_id", "repo_url", "branch_name",
)  # fmt: skip
PERSONAL = frozenset({"actor", "actor_id", "sub", "owner_email"})
# These have rules of their own and are no claims to ask for.
_RESERVED = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_:/.-]{0,63}")
_ISSUER_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class IssuerError(ValueError):
    """An issuer that the operator's setting does not describe rightly."""


def read_issuers(items: Iterable[str]) -> tuple[Issuer, ...]:
    """Return the issuers known: the built-in ones, and the operator's ``name=issuer=jwks address``.

    An entry with the issuer of a built-in one replaces its key address (a mirror). A name that is ``github`` or
    begins with ``github-`` has the claims of GitHub Actions (GitHub Enterprise Server).
    """
    known = {one.issuer: one for one in BUILT_IN}
    for item in items:
        added = _read_issuer(item)
        before = known.get(added.issuer)
        known[added.issuer] = added if before is None else _mirrored(before, added)
    names = [one.name for one in known.values()]
    if len(names) != len(set(names)):
        raise IssuerError("Two issuers have the same name.")
    return tuple(known.values())


def _read_issuer(item: str) -> Issuer:
    name, issuer, jwks_url = [*item.split("=", 2), "", ""][:3]
    if not _ISSUER_NAME.fullmatch(name):
        raise IssuerError(f"{item!r}: write name=issuer=address of its keys; the name in small letters and dashes.")
    for address in (issuer, jwks_url):
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment or len(address) > 200:
            raise IssuerError(f"{item!r}: {address!r} is not an https address.")
    kind = IssuerKind.GITHUB if name == "github" or name.startswith("github-") else IssuerKind.OTHER
    return Issuer(name, name, issuer, jwks_url, kind)


def _mirrored(known: Issuer, mirror: Issuer) -> Issuer:
    return Issuer(known.name, known.label, known.issuer, mirror.jwks_url, known.kind)


def faults_in(issuer: Issuer, *, audience: str, claims: Mapping[str, object]) -> Faults:
    """Return what is wrong with a trust as pointers and sentences; empty when nothing is."""
    faults: Faults = []
    if fault := fault_in(audience, most=MOST_AUDIENCE):
        _fault(faults, "/audience", fault)
    elif audience != audience.strip() or "*" in audience:
        _fault(faults, "/audience", "is compared as exact text: no spaces around it and no *")
    if len(claims) > MOST_CLAIMS:
        _fault(faults, "/claims", f"names more than {MOST_CLAIMS} claims")
    for name, value in claims.items():
        if fault := _claim_fault(issuer, name, value):
            _fault(faults, f"/claims/{name.replace('~', '~0').replace('/', '~1')}", fault)
    if fault := _missing(issuer, claims):
        _fault(faults, "/claims", fault)
    return faults


def _claim_fault(issuer: Issuer, name: str, value: object) -> str | None:
    offered = OFFERED[issuer.kind]
    if offered and name not in offered:
        return f"is not a claim that {issuer.label} offers here. Those are: {', '.join(offered)}"
    if not _NAME.fullmatch(name) or name in _RESERVED:
        return "is not the name of a claim that can be asked for"
    if not isinstance(value, str):
        return "must be text"
    if fault := fault_in(value, most=MOST_VALUE):
        return fault
    if value != value.strip() or "*" in value:
        return "is compared as exact text: no spaces around it and no *"
    if name.endswith("_id") and issuer.kind is IssuerKind.GITHUB and not (value.isascii() and value.isdecimal()):
        return "must be the number that GitHub gives, in digits"
    return None


def _missing(issuer: Issuer, claims: Mapping[str, object]) -> str | None:
    needed = _NEEDED.get(issuer.kind, ())
    if issuer.kind is IssuerKind.GITHUB and "repository_id" not in claims:
        return "must name repository_id: a repository's name can be given to another one"
    if needed and not any(name in claims for name in needed):
        return f"must name at least one of {', '.join(needed)}: without it everybody's tokens would do"
    return None if claims else "must name at least one claim: without it every token of the issuer would do"


def _fault(faults: Faults, pointer: str, detail: str) -> None:
    faults.append({"pointer": pointer, "detail": detail})


def audience_of(claims: Mapping[str, Any]) -> str | None:
    """Return the token's one audience. A token for several could be passed on by each of the others."""
    stated = claims.get("aud")
    if isinstance(stated, list) and len(stated) == 1:
        stated = stated[0]
    return stated if isinstance(stated, str) and stated else None


def differing(required: Mapping[str, str], claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the claims that are not exactly what a trust requires; empty when all are."""
    return tuple(name for name, text in sorted(required.items()) if _text(claims.get(name)) != text)


def kept(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the claims that are kept, as text; one that is too long or no plain value is left out."""
    found = {name: _text(claims.get(name)) for name in KEPT}
    return {name: text for name, text in found.items() if text is not None and not fault_in(text, most=MOST_VALUE)}


def in_clear(claims: Mapping[str, str]) -> dict[str, str]:
    """Return the claims that say nothing of a person."""
    return {name: text for name, text in claims.items() if name not in PERSONAL}


def of_a_person(claims: Mapping[str, str]) -> dict[str, str]:
    """Return the claims that name a person."""
    return {name: text for name, text in claims.items() if name in PERSONAL}


def _text(value: object) -> str | None:
    # True is an int to Python, and 1.0 has more than one spelling: neither is ever equal to a text.
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None


def token_id(claims: Mapping[str, Any], token: str) -> str:
    """Return what a token is remembered by: its ``jti``, or a digest of it when the issuer gives none."""
    stated = claims.get("jti")
    if isinstance(stated, str) and 0 < len(stated) <= MOST_JTI and stated.isprintable():
        return stated
    # Without the signature: ECDSA signatures of one token can be rewritten by whoever holds it.
    return "sha256:" + hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()


def narrowing_of(issuer: Issuer, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the restriction that a token's own repository puts on the credential, or an empty one.

    Raises ``Refused`` when the repository it names cannot be read.
    """
    if issuer.kind is IssuerKind.GITHUB:
        name, number = _text(claims.get("repository")), _text(claims.get("repository_id"))
        if name is None or number is None or not (number.isascii() and number.isdecimal()):
            raise Refused("The token names no repository.")
        patterns = [f"{_plain_name(f'{issuer.host}/{name}' if issuer.host else name)}#{number}"]
    elif issuer.kind is IssuerKind.CURSOR:
        several = claims.get("repo_urls")
        stated = several if isinstance(several, list) and several else [claims.get("repo_url")]
        patterns = sorted({_plain_name(one) for one in stated if one})
    else:
        patterns = []
    return {"scope": {"repositories": patterns}} if patterns else {}


def _plain_name(name: object) -> str:
    if isinstance(name, str) and not name.startswith("https://") and re.match(r"[^/]+\.[^/]+/[^/]+/", name):
        name = f"https://{name}"
    return normalise_repository(name)


_WHY = {
    "algorithm": "it is signed in a way that is not accepted",
    "key": "its issuer has no key of the name that it states",
    "signature": "its signature is not its issuer's",
    "claims": "it lacks a claim that every token must have",
    "unreadable": "it cannot be read",
    "expired": "it has expired",
    "not-yet": "it is dated in the future",
    "too-old": "it was issued more than 15 minutes ago",
    "audience": "it was made for another audience",
    "claims-differ": "it is not as the trust requires",
    "revoked": "the trust was revoked",
    "repository": "its repository cannot be read",
    "replayed": "it had been exchanged before",
    "halted": "the agent could get no token then",
}


def why_refused(facts: Mapping[str, Any]) -> str:
    """Return why an exchange was refused, as a sentence for the agent's people; ``facts`` is what the entry says."""
    claims, reason = facts["claims"], facts["reason"]
    words = [f"{name} was {claims.get(name, 'another or missing')}" for name in facts["differing"]]
    return f"Refused: {_WHY.get(reason, reason)}{': ' + ', '.join(words) if words else ''}."
