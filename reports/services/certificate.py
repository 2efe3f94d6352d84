"""Issuing the certificate of a stop: the facts as they are now, sealed by their digest."""

import hashlib
from dataclasses import dataclass

from portal.errors import NotAllowed
from portal.identity.models import Person
from portal.ledger.events import instant
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.selectors.entries import database_now
from registry.models import KillOrder
from registry.selectors.kills import may_certify, order_for
from reports.selectors.certificate import SCHEMA, Document, certificate_of, still_changing


@dataclass(frozen=True)
class Certificate:
    """``facts`` is what the digest is over; ``provisional`` is said when facts may still come to it."""

    order: KillOrder
    facts: Document
    sha256: str
    issued_at: str
    provisional: bool

    def to_document(self) -> Document:
        return {
            "schema": SCHEMA,
            "issued_at": self.issued_at,
            "provisional": self.provisional,
            "sha256": self.sha256,
            "certificate": self.facts,
        }


def issue_certificate(*, actor: Person, number: int) -> Certificate:
    """The certificate of a stop; ``sha256`` is over the canonical JSON (RFC 8785) of its facts.

    Nothing is stored: the same facts give the same digest whenever it is asked for.
    """
    order = order_for(actor, number)
    if not may_certify(actor, order):
        raise NotAllowed(
            "Only auditors, people with the role security and the managers of the team have a stop's certificate. "
            "Nothing was issued."
        )
    facts = certificate_of(order)
    return Certificate(
        order=order,
        facts=facts,
        sha256=hashlib.sha256(canonicalize(facts)).hexdigest(),
        issued_at=instant(database_now()),
        provisional=still_changing(facts),
    )
