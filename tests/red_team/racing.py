"""Races that are run thousands of times: threads and connections stay, and in each trial all are inside at once.

Every contender of a trial goes as far as its first statement to the database, inside the service, and waits there
for the others: so none of them is over before the others have begun. In every second trial one of them, by turns, is
held back there for some round trips more, so that not always the same one is first; whether it met the others then is
counted as it was.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Barrier, Event, Thread
from time import perf_counter
from typing import Any, TypeVar

from django.db import connection, connections

Result = TypeVar("Result")
# As in the processes that serve the web.
_TURN = 0.0005
# For how many round trips a contender is held back, by turns: some are long over when others begin to decide.
_HELD = (4, 64, 16, 128, 8, 32, 2, 256)
# Only a fault waits so long; the longest lock of a trial is held for a fraction of a second.
_LONGEST = 120


class _Contender:
    """One action of a trial, in whichever thread runs it."""

    def __init__(self, action: Callable[[], Any], gate: Barrier, held: int) -> None:
        self._action, self._gate, self._held = action, gate, held
        self._arrived = False
        self.entered: float | None = None
        self.left = 0.0
        self.over = Event()
        self.result: Any = RuntimeError("did not run")

    def run(self) -> None:
        try:
            with connection.execute_wrapper(self._enter):
                self.result = self._action()
        except Exception as error:  # noqa: BLE001 (the test looks at it)
            self.result = error
        finally:
            try:
                if not self._arrived:  # it asked the database nothing; the others wait for it all the same
                    self._gate.wait(_LONGEST)
            finally:
                self.left = perf_counter()
                self.over.set()

    def _enter(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not self._arrived:
            self._arrived = True
            arrived = perf_counter()
            self._gate.wait(_LONGEST)
            for _ in range(self._held):
                with context["connection"].connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
            self.entered = perf_counter() if self._held else arrived
        return execute(sql, params, many, context)


class _Runner(Thread):
    """A thread that stays, and its connection with it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.jobs: SimpleQueue[_Contender | None] = SimpleQueue()
        self.start()

    def run(self) -> None:
        try:
            while (job := self.jobs.get()) is not None:
                job.run()
        finally:
            connections.close_all()


class Race:
    """Some trials of one race. Iterating over it gives their numbers; ``seen`` counts what they ended in."""

    def __init__(self, trials: int) -> None:
        self.trials = trials
        self.begun = 0
        self.met = 0
        self.seen: Counter[str] = Counter()
        self._runners: list[_Runner] = []
        self._turn = sys.getswitchinterval()
        sys.setswitchinterval(_TURN)

    def __iter__(self) -> Iterator[int]:
        for trial in range(self.trials):
            self.begun = trial + 1
            yield trial

    def at_once(self, actions: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
        """Run the actions together, each in a thread and on a connection of its own; their results in order."""
        gate = Barrier(len(actions))
        turn, even = self.begun // 2, self.begun % 2 == 0
        late = turn % len(actions)
        held = _HELD[turn // len(actions) % len(_HELD)] if even else 0
        contenders = [_Contender(action, gate, held if place == late else 0) for place, action in enumerate(actions)]
        while len(self._runners) < len(actions):
            self._runners.append(_Runner())
        for runner, contender in zip(self._runners, contenders, strict=False):
            runner.jobs.put(contender)
        for contender in contenders:
            assert contender.over.wait(_LONGEST), "a contender hangs"
        together = _together(contenders)
        assert together or even, "one was over before another had begun, so this was no race"
        self.met += together
        return [contender.result for contender in contenders]

    def saw(self, ending: object) -> None:
        """Count what a trial ended in, for the report."""
        self.seen[str(ending)] += 1

    def close(self) -> None:
        sys.setswitchinterval(self._turn)
        for runner in self._runners:
            runner.jobs.put(None)
        for runner in self._runners:
            runner.join(_LONGEST)


def _together(contenders: Sequence[_Contender]) -> bool:
    """Whether there was a moment at which all were inside."""
    entered = [one.entered for one in contenders if one.entered is not None]
    return len(entered) == len(contenders) and max(entered) < min(one.left for one in contenders)
