"""Sharing the chunks of a replay between processes, and hearing from them as they go.

Chunks are handed out one by one, so a slow one holds up nobody. Nothing of a chunk passes through this process but
its place and its counts. A few chunks are done here: starting a process would take longer than the work.
"""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

import orjson
from django.conf import settings

from approvals.jobs.replay_work import Message, Worker
from approvals.selectors.recorded import Chunk

BEAT_SECONDS = 0.5
MOST_PROCESSES = 2
# Up to so many chunks are done in this process.
FEW = 2

Counted = tuple[int, Message]


class ReplayFailed(Exception):
    """A process of the replay ended before its work did."""


def replay(
    task: Message, chunks: Sequence[Chunk], *, processes: int | None = None
) -> Generator[Counted | None, None, None]:
    """Give ``(size, counted)`` for each chunk in any order, and None whenever nothing came for half a second.

    Whoever stops asking (closes the iterator) ends the work.
    """
    if len(chunks) <= FEW and processes is None:
        yield from _here(task, chunks)
        return
    pool = _Pool(task, chunks, min(processes or os.cpu_count() or 1, MOST_PROCESSES, len(chunks)))
    try:
        yield from pool.results()
    finally:
        pool.end()


def _here(task: Message, chunks: Sequence[Chunk]) -> Iterator[Counted]:
    worker = Worker(task) if chunks else None
    for chunk in chunks:
        if worker is not None:
            yield chunk.size, orjson.loads(orjson.dumps(worker.do(chunk)))


class _Pool:
    """Some processes, and a thread for each that hands it chunks and waits for what it says."""

    def __init__(self, task: Message, chunks: Sequence[Chunk], processes: int) -> None:
        self._left: SimpleQueue[Chunk] = SimpleQueue()
        self._done: SimpleQueue[Counted | Exception] = SimpleQueue()
        self._waiting = len(chunks)
        for chunk in chunks:
            self._left.put(chunk)
        self._children = [_start() for _ in range(processes)]
        line = orjson.dumps(task) + b"\n"
        self._threads = [Thread(target=self._feed, args=(child, line), daemon=True) for child in self._children]
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[Counted | None]:
        while self._waiting:
            try:
                found = self._done.get(timeout=BEAT_SECONDS)
            except Empty:
                yield None
                continue
            if isinstance(found, Exception):
                raise found
            self._waiting -= 1
            yield found

    def end(self) -> None:
        """Let the processes go: at once when there is work left, since nobody wants it any more."""
        for child in self._children:
            if self._waiting:
                child.kill()
            _close(child.stdin)
        for child, thread in zip(self._children, self._threads, strict=True):
            child.wait()
            thread.join()
            _close(child.stdout)

    def _feed(self, child: "subprocess.Popen[bytes]", task: bytes) -> None:
        """Touches no database: connections belong to the thread that opened them."""
        try:
            assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018  both are pipes
            child.stdin.write(task)
            while True:
                try:
                    chunk = self._left.get_nowait()
                except Empty:
                    return
                child.stdin.write(orjson.dumps(list(chunk)) + b"\n")
                child.stdin.flush()
                answer = child.stdout.readline()  # nothing at all is the end of the process: no JSON, so an error
                self._done.put((chunk.size, orjson.loads(answer)))
        except (OSError, ValueError):
            self._done.put(ReplayFailed("A process of the replay ended early; the log of the worker says why."))


def _close(pipe: "IO[bytes] | None") -> None:
    if pipe is not None:
        with suppress(OSError):  # what was still to be written found nobody there
            pipe.close()


def _start() -> "subprocess.Popen[bytes]":
    base: Path = settings.BASE_DIR
    # A session of its own: a signal to the worker's group must not end the child half way.
    return subprocess.Popen(
        [sys.executable, str(base / "manage.py"), "replay_checks"],
        cwd=base,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
