"""The note of when a page was shown is signed, and of the requests that it was shown for."""

import pytest
from django.core import signing

from approvals.web.stamp import SALT, seconds_open, stamp


def test_the_order_of_the_requests_does_not_matter() -> None:
    assert seconds_open(stamp([3, 1, 2]), [1, 2, 3]) in {0, 1}


def test_the_seconds_since_it_was_shown() -> None:
    shown, at = signing.loads(stamp([7]), salt=SALT)
    assert seconds_open(signing.dumps([shown, at - 90], salt=SALT), [7]) in {90, 91}
    assert seconds_open(signing.dumps([shown, at + 90], salt=SALT), [7]) == 0  # a clock that was put back


@pytest.mark.parametrize("wrong", ["missing", "not signed", "changed", "of something else", "of another", "of more"])
def test_what_is_not_ours_or_of_other_requests_says_nothing(wrong: str) -> None:
    texts = {
        "missing": "",
        "not signed": "nonsense",
        "changed": stamp([1]) + "x",
        "of something else": signing.dumps([[1], 0], salt="of something else"),
        "of another": stamp([2]),
        "of more": stamp([1, 2]),
    }
    assert seconds_open(texts[wrong], [1]) is None
