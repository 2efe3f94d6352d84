"""One reading: what a page asks twice is asked once, and what decides is never answered from memory."""

from django.http import HttpRequest, HttpResponse

from portal.reading import once, one_reading
from portal.web.access import signed_in


class Somebody:
    is_authenticated = True


def _counting() -> tuple[list[int], object]:
    asked: list[int] = []

    @once
    def ask(number: int, *, twice: bool = False) -> int:
        asked.append(number)
        return 2 * number if twice else number

    return asked, ask


def test_within_one_reading_the_same_question_is_asked_once() -> None:
    asked, ask = _counting()
    assert callable(ask)
    with one_reading():
        assert [ask(1), ask(1), ask(2), ask(1, twice=True), ask(1, twice=True)] == [1, 1, 2, 2, 2]
    assert asked == [1, 2, 1]


def test_outside_of_a_reading_and_in_the_next_one_it_is_asked_anew() -> None:
    asked, ask = _counting()
    assert callable(ask)
    ask(1)
    ask(1)
    for _ in range(2):
        with one_reading():
            ask(1)
    assert asked == [1, 1, 1, 1]


def test_a_page_is_one_reading_and_a_deed_is_none() -> None:
    """A service that decides reads anew after its locks: what was remembered before them would be stale."""
    asked, ask = _counting()

    @signed_in
    def view(request: HttpRequest) -> HttpResponse:
        assert callable(ask)
        ask(1)
        ask(1)
        return HttpResponse()

    for method in ("GET", "HEAD", "POST"):
        request = HttpRequest()
        request.method = method
        request.user = Somebody()  # type: ignore[assignment]  # all that the door looks at
        asked.clear()
        assert view(request).status_code == 200
        assert len(asked) == (2 if method == "POST" else 1)
