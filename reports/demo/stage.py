"""Runs what happens in the demonstration in the order of its times, and keeps the log sealed meanwhile."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from time import monotonic, sleep

from portal.ledger.models import Checkpoint, Entry, Leaf
from portal.ledger.rules.note import Signer
from portal.ledger.services.seal import seal
from reports.demo.clock import Clock

Happening = Iterator[timedelta]
# Shorter than the longest silence that a package accepts without remark (five minutes).
BEAT = timedelta(minutes=4)


class Stage:
    """A queue of happenings. Each runs until it yields how long it pauses, and is then put back."""

    def __init__(self, clock: Clock, signer: Signer) -> None:
        self.clock, self._signer = clock, signer
        self._queue: list[tuple[datetime, int, Happening]] = []
        self._order = count()
        self._sealed_at = clock.now
        self._unsealed = True

    def add(self, moment: datetime, happening: Happening) -> None:
        heappush(self._queue, (moment, next(self._order), happening))

    def play(self, *, until: datetime) -> None:
        """Run everything that happens before ``until``, and keep the log sealed up to then."""
        while self._queue and self._queue[0][0] < until:
            moment, _, happening = heappop(self._queue)
            self._seal(until=moment)
            self.clock.set(moment)
            self._unsealed = True
            pause = next(happening, None)
            if pause is not None:
                self.add(moment + pause, happening)
        self._seal(until=until)
        self.clock.set(until)

    def _seal(self, *, until: datetime) -> None:
        """Seal at each beat, as the worker would have; a quiet beat signs the same head again."""
        quiet: list[datetime] = []
        while self._sealed_at + BEAT < until:
            self._sealed_at += BEAT
            if self._unsealed:
                self.clock.set(self._sealed_at)
                _seal_all(self._signer)
                self._unsealed = False
            else:
                quiet.append(self._sealed_at)
        _sign_again(quiet)


def finish(signer: Signer, *, patience: float = 20.0) -> None:
    """Seal until every entry has its place, now; waits for whoever holds a transaction open meanwhile."""
    deadline = monotonic() + patience
    while True:
        _seal_all(signer)
        if Entry.objects.count() == Leaf.objects.count():
            return
        if monotonic() > deadline:
            raise TimeoutError("Some entries could not be sealed: another transaction stays open in this server.")
        sleep(0.2)


def _seal_all(signer: Signer) -> None:
    while (sealed := seal(signer=signer)) is not None and sealed.count:
        continue


def _sign_again(moments: list[datetime]) -> None:
    # Ed25519 signs the same text with the same signature, so the note of an unchanged log is the last one's.
    if moments:
        last = Checkpoint.objects.order_by("-id")[0]
        same = {"size": last.size, "root": last.root, "frontier": last.frontier, "note": last.note}
        signed = [Checkpoint(pk=pk, signed_at=moment, **same) for pk, moment in enumerate(moments, last.pk + 1)]
        Checkpoint.objects.bulk_create(signed, batch_size=500)
