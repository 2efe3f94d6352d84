"""Which e-mail addresses reach the same person: what stands after a plus sign is a tag. Pure."""

from typing import NamedTuple


class Mailbox(NamedTuple):
    """An address without its tag, in lower case."""

    local: str
    domain: str


def mailbox_of(address: str) -> Mailbox | None:
    """Return where mail for the address goes, or None for what is no address."""
    local, at, domain = address.strip().lower().rpartition("@")
    local = local.partition("+")[0]
    return Mailbox(local, domain) if at and local and domain else None
