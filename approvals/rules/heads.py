"""Commits and the branches that they stand on: how both are written, so that one thing has one name."""

import re
from collections.abc import Iterable
from typing import Final

# A full object name, of SHA-1 or SHA-256; a short one may come to mean another commit.
COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
NOT_A_COMMIT: Final = "must be a full commit id: 40 or 64 hexadecimal digits in lower case"
_REPOSITORY: Final = "repository:"
_REFS: Final = "refs/heads/"


def is_commit(text: str) -> bool:
    return COMMIT.fullmatch(text) is not None


def repositories_in(kill_keys: Iterable[str]) -> tuple[str, ...]:
    """The normal names of a question's repository, those it is pinned under included: its kill keys hold them."""
    return tuple(sorted(key.removeprefix(_REPOSITORY) for key in kill_keys if key.startswith(_REPOSITORY)))


def plain_branch(branch: str) -> str:
    """The branch as heads are kept under: some points state the whole ref."""
    return branch.removeprefix(_REFS)


def lock_name(repository: str, branch: str) -> str:
    """What reporting a head and redeeming on it both lock."""
    return f"bailiwick.head\n{repository}\n{branch}"


def has_moved(*, head: str, head_known: str, now: str | None) -> bool:
    """Whether the branch stands elsewhere than an approval was asked for.

    ``head`` is the commit as stated, ``head_known`` the one that was known of the branch then (a local commit that
    is not pushed yet may well be ahead of it), ``now`` the one that is known now. What stated no commit is not
    bound to one.
    """
    return bool(head) and now is not None and now not in {head, head_known}
