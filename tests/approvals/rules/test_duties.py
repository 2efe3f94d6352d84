"""The graph of duties: every way to a request bars, and nothing but a way to it does."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.duties import Account, Part, Tie, Ties, Via, conflicts

PEOPLE = [Account(UUID(int=number), UUID(int=100 + number // 2), f"Person {number}") for number in range(8)]
accounts = st.sampled_from(PEOPLE)
ties = st.builds(
    lambda parts: Ties(tuple(Tie(*part) for part in parts)),
    st.lists(st.tuples(accounts, st.sampled_from(list(Part)), st.sampled_from(["", "revision 2"])), max_size=5),
)


@given(person=accounts, giver=st.none() | accounts, maker=st.none() | accounts, known=ties)
def test_i3_there_is_a_conflict_exactly_when_a_way_leads_to_the_request(
    person: Account, giver: Account | None, maker: Account | None, known: Ties
) -> None:
    found = conflicts(person, known, giver, maker)
    reach = {person.human} | ({giver.human} if giver else set()) | ({maker.human} if giver and maker else set())
    assert bool(found) == bool(reach & known.humans)
    for one in found:
        assert one.sentence.endswith(".")
        assert one.about
        assert not one.about.endswith(".")


@given(person=accounts, giver=st.none() | accounts, maker=st.none() | accounts, known=ties, more=ties)
def test_i5_one_tie_more_never_frees_anybody(
    person: Account, giver: Account | None, maker: Account | None, known: Ties, more: Ties
) -> None:
    both = Ties(known.parts + more.parts)
    if conflicts(person, known, giver, maker):
        assert conflicts(person, both, giver, maker)
    if giver is not None and conflicts(person, known):
        assert conflicts(person, known, giver, maker)


@pytest.mark.parametrize(("part", "via"), list(product(Part, Via)))
def test_the_sentence_names_the_part_the_way_and_the_name(part: Part, via: Via) -> None:
    me, twin, giver, maker = PEOPLE[0], PEOPLE[1], PEOPLE[2], PEOPLE[4]
    who = {Via.SELF: me, Via.ACCOUNT: twin, Via.GIVER: giver, Via.MAKER: maker}[via]
    (found,) = conflicts(me, Ties((Tie(who, part, "on Monday"),)), giver, maker)
    assert (found.part, found.via) == (part, via)
    assert "on Monday" in found.sentence
    assert "on Monday" in found.about
    if via is Via.SELF:
        assert found.sentence.startswith("You ")
    else:
        assert who.name in found.sentence
        assert who.name in found.about


def test_who_hands_over_their_own_right_is_told_once() -> None:
    me, giver = PEOPLE[0], PEOPLE[2]
    known = Ties((Tie(giver, Part.INITIATOR),))
    assert [one.via for one in conflicts(me, known, giver, giver)] == [Via.GIVER]
