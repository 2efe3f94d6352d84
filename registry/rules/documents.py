"""The document of each level: how it is read, what "nothing said" is, and its digest."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from portal.ledger.rules.canonical import canonicalize
from registry.rules.catalogue import Catalogue
from registry.rules.levels import Level
from registry.rules.policy import Policy
from registry.rules.restriction import Baseline, Restriction

Document: TypeAlias = Policy | Restriction | Baseline

KINDS: Mapping[Level, type[Policy] | type[Restriction] | type[Baseline]] = MappingProxyType(
    {Level.ORGANISATION: Baseline, Level.TEAM: Restriction, Level.AGENT: Policy}
)


def read_document(level: Level, document: object, catalogue: Catalogue) -> Document:
    """The document that somebody wrote for a level, or ``PolicyError`` with every fault in it."""
    return KINDS[level].from_document(document, catalogue=catalogue)


def stored_document(level: Level, document: object) -> Document:
    """A document that was taken before, whatever has left the organisation's catalogue since."""
    return KINDS[level].stored(document)


def nothing(level: Level) -> Document:
    """What stands before the first revision: above agents it restricts nothing, for an agent it allows nothing."""
    return KINDS[level]()


def digest_of(document: Document) -> str:
    """Lower-case hex SHA-256 of the canonical JSON (RFC 8785)."""
    return hashlib.sha256(canonicalize(document.to_document())).hexdigest()
