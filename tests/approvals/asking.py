"""What the tests of approvals share: questions an agent asks, answers people give, and threads that race."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any, TypeVar

from django.db import connections

from approvals.models import ApprovalRequest
from approvals.rules.workflow import RequestState, ReviewFact, Verdict
from approvals.selectors.reviewing import scene_of
from approvals.services.check import Answer, Call, decide
from approvals.services.review import add_review
from portal.identity.models import Person
from portal.ledger.models import Entry

MERGE = "gh pr merge 7 --squash"
Result = TypeVar("Result")


def bash(command: str, **around: Any) -> Call:
    """A Bash call in ``acme/payments`` on a feature branch; keywords replace what is stated around it."""
    stated: dict[str, Any] = {
        "session_id": "session-1",
        "cwd": "/work/payments",
        "repository": "acme/payments",
        "branch": "feature/tidy",
        **around,
    }
    return Call(tool="Bash", tool_input={"command": command, "description": "say what it does"}, **stated)


def ask(token: str, command: str = MERGE, **around: Any) -> Answer:
    return decide(token=token, call=bash(command, **around))


def opened(token: str, command: str = MERGE, **around: Any) -> ApprovalRequest:
    """The request that a gated question opens."""
    request = ask(token, command, **around).request
    assert request is not None
    return ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=request.pk)


def review(request: ApprovalRequest, person: Person, verdict: Verdict = Verdict.APPROVE) -> ApprovalRequest:
    """The verdict on exactly the view that was sealed, of somebody who has just proved who they are."""
    return add_review(
        actor=person,
        request=request,
        verdict=verdict,
        reason="I have read all of it.",
        view_hash=bytes(request.view_hash),
        fresh=True,
    )


def withdrawn(request: ApprovalRequest) -> None:
    """Out of the way of the next trial: so that no more wait than an agent may have."""
    ApprovalRequest.objects.filter(pk=request.pk).update(state=RequestState.WITHDRAWN.value)


def counted(request: ApprovalRequest) -> list[ReviewFact]:
    """The verdicts that count now."""
    return [fact for _, fact in scene_of(request).standing]


def at_once(actions: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
    """Run the actions in threads that start together, each on a connection of its own; their results in order."""
    results: list[Result | Exception] = [RuntimeError("did not run")] * len(actions)
    barrier = Barrier(len(actions))

    def run(place: int) -> None:
        try:
            barrier.wait()
            results[place] = actions[place]()
        except Exception as error:  # noqa: BLE001 (the test looks at it)
            results[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(place,)) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def entries(kind: str) -> int:
    """How many entries of the type ``approvals.<kind>`` the ledger holds."""
    return Entry.objects.filter(type=f"approvals.{kind}").count()
