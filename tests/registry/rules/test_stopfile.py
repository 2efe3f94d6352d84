"""The stop file's format and the journal's, as values."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ledger.rules.note import Signer
from registry.rules.kill import KillError, ScopeKind
from registry.rules.stop_journal import OfflineOrder, entered_line, pending, scope_of
from registry.rules.stopfile import StopFileError, next_sequence, read, with_orders, write

SIGNER = Signer.generate("portal.example/stops")
AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
KEYS = st.from_regex(r"(all|(agent|team|run|action|repository):[!-~]{1,40})", fullmatch=True)
STOPPED = st.dictionaries(KEYS, st.integers(0, 10**12), max_size=20)


@given(STOPPED, st.integers(0, 10**15))
def test_what_was_written_is_read(stopped: dict[str, int], sequence: int) -> None:
    found = read(write(signer=SIGNER, sequence=sequence, issued_at=AT, stopped=stopped), SIGNER.verifier)
    assert (dict(found.stopped), found.sequence, found.issued_at, found.issuer) == (
        stopped,
        sequence,
        AT,
        SIGNER.name,
    )


@given(STOPPED, st.data())
def test_any_changed_character_is_refused(stopped: dict[str, int], data: st.DataObject) -> None:
    note = write(signer=SIGNER, sequence=7, issued_at=AT, stopped=stopped)
    place = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda one: one != note[place]))
    with pytest.raises(StopFileError):
        read(note[:place] + other + note[place + 1 :], SIGNER.verifier)


def test_only_the_portals_own_key_is_believed() -> None:
    note = write(signer=Signer.generate(SIGNER.name), sequence=1, issued_at=AT, stopped={})
    with pytest.raises(StopFileError, match="cannot be verified"):
        read(note, SIGNER.verifier)


@pytest.mark.parametrize(
    ("stopped", "sequence"),
    [({"a b": 1}, 1), ({"": 1}, 1), ({"all\n": 1}, 1), ({"all": -1}, 1), ({"all": True}, 1), ({}, -1), ({}, 10**18)],
)
def test_what_a_reader_would_refuse_is_not_written(stopped: dict[str, int], sequence: int) -> None:
    with pytest.raises(StopFileError):
        write(signer=SIGNER, sequence=sequence, issued_at=AT, stopped=stopped)


@pytest.mark.parametrize(
    "lines",
    [
        ["bailiwick-stop/2", SIGNER.name, "1", "2026-11-21T09:00:00Z"],
        ["bailiwick-stop/1", "another", "1", "2026-11-21T09:00:00Z"],
        ["bailiwick-stop/1", SIGNER.name, "01", "2026-11-21T09:00:00Z"],
        ["bailiwick-stop/1", SIGNER.name, "1", "yesterday"],
        ["bailiwick-stop/1", SIGNER.name, "1"],
        ["bailiwick-stop/1", SIGNER.name, "1", "2026-11-21T09:00:00Z", "all"],
        ["bailiwick-stop/1", SIGNER.name, "1", "2026-11-21T09:00:00Z", "all 1", "all 2"],
        ["bailiwick-stop/1", SIGNER.name, "1", "2026-11-21T09:00:00Z", "team:x 1", "all 2"],
    ],
)
def test_signed_is_not_enough(lines: list[str]) -> None:
    with pytest.raises(StopFileError):
        read(SIGNER.sign("".join(f"{line}\n" for line in lines)), SIGNER.verifier)


@given(st.lists(st.integers(0, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)), min_size=2))
def test_the_sequence_grows_whatever_the_clock_does(clock: list[datetime]) -> None:
    sequence = 0
    for at in clock:
        following = next_sequence(sequence, at)
        assert following > sequence
        sequence = following


def test_an_offline_order_adds_and_never_takes_away() -> None:
    assert with_orders({"all": 3}, ["all", "team:x"]) == {"all": 3, "team:x": 0}


def offline(kind: ScopeKind = ScopeKind.ALL, name: str = "", reason: str = "Gone wild.\nSee mail.") -> OfflineOrder:
    return OfflineOrder(
        id=uuid4(), at="2026-11-21T09:00:00Z", kind=kind, scope=scope_of(kind, name), by="a@b.test", reason=reason
    )


def test_the_journal_gives_back_what_was_not_entered() -> None:
    one, two = offline(), offline(ScopeKind.REPOSITORY, "acme/payments", "zoë “said” so")
    assert pending([one.line(), "", two.line()]) == ([one, two], 0)
    assert pending([one.line(), two.line(), entered_line(one, 4)]) == ([two], 0)
    assert "\n" not in one.line()


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"order": "x"}', offline().line()[:-5]], ids=range(5))
def test_a_line_that_cannot_be_read_is_counted(line: str) -> None:
    order = offline()
    assert pending([line, order.line()]) == ([order], 1)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ScopeKind.ALL, "x"),
        (ScopeKind.AGENT, ""),
        (ScopeKind.AGENT, "payments-refactorer"),
        (ScopeKind.TEAM, "payments"),
        (ScopeKind.REPOSITORY, "Acme/Payments"),
        (ScopeKind.ACTION, "push force"),
        (ScopeKind.DRILL, "5befe457-bff5-4081-97d7-060694a8f303"),
    ],
)
def test_a_scope_that_is_none_is_refused(kind: ScopeKind, name: str) -> None:
    with pytest.raises(KillError):
        scope_of(kind, name)
