"""Commitments: a known answer, and no two (field, salt, value) that share one."""

from hashlib import sha256

import pytest

from portal.ledger.rules.commitment import commit, opens

SALT = bytes(range(32))


def test_known_answer() -> None:
    by_hand = sha256(b"bailiwick/commitment/v1\x00" + b"\x00\x07" + b"command" + SALT + b'"ls -l"').digest()
    assert commit("command", SALT, b'"ls -l"') == by_hand
    assert opens(by_hand, "command", SALT, b'"ls -l"')


def test_every_part_counts() -> None:
    made = commit("ab", SALT, b"cd")
    for field, salt, value in (
        ("a", SALT, b"bcd"),
        ("abc", SALT, b"d"),
        ("ab", SALT[::-1], b"cd"),
        ("ab", SALT, b"ce"),
        ("ab", SALT, b""),
        ("á", SALT, b"cd"),
    ):
        assert not opens(made, field, salt, value)


@pytest.mark.parametrize(
    ("field", "salt"), [("a", b""), ("a", bytes(31)), ("a", bytes(33)), ("", SALT), ("x" * 65536, SALT)]
)
def test_refused(field: str, salt: bytes) -> None:
    with pytest.raises(ValueError, match="has"):
        commit(field, salt, b"1")
