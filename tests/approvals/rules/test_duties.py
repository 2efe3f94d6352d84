"""The graph of duties: every way to a request bars, and nothing but a way to it does."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.duties import DID, Account, Part, Tie, Ties, conflicts

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


ME, TWIN, GIVER, MAKER = PEOPLE[0], PEOPLE[1], PEOPLE[2], PEOPLE[4]
WAYS = {
    ME: "You ",
    TWIN: "Another account of yours, Person 1, ",
    GIVER: "Person 2, whose right you would use, ",
    MAKER: "Person 4 arranged that you stand in for Person 2, and ",
}


@pytest.mark.parametrize(("part", "who"), list(product(Part, WAYS)))
def test_the_sentence_names_the_part_the_way_and_the_name(part: Part, who: Account) -> None:
    (found,) = conflicts(ME, Ties((Tie(who, part, "on Monday"),)), GIVER, MAKER)
    assert found.part == part
    assert found.sentence.startswith(f"{WAYS[who]}{DID[part]} (on Monday)")
    assert "on Monday" in found.about
    if who != ME:
        assert who.name in found.about


def test_who_hands_over_their_own_right_is_told_once() -> None:
    me, giver = PEOPLE[0], PEOPLE[2]
    known = Ties((Tie(giver, Part.INITIATOR),))
    (found,) = conflicts(me, known, giver, giver)
    assert found.sentence.startswith("Person 2, whose right you would use, ")
