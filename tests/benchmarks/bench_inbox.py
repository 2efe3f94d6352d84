"""Measure the inbox with 10,000 requests waiting and 500 inboxes open: `python -m tests.benchmarks.bench_inbox`.

First byte of the page and of its list for an approver of one team and for security, who sees all. Then every
approver's inbox asks as ``static/js/live.js`` and ``inbox.js`` do (the pulse; the list when it has changed, and once a
minute all the same) while requests are opened: how long until it shows them, and what that does to the checks, which
come at a fixed rate with and without the open inboxes. Requests come twice as often as 500 people decide who decide
forty a week each: one in 3.5 seconds. The inboxes are opened one after the other before measuring
begins, as people open them in the course of a morning. The 500 clients run on the same cores as the portal and its
database: what they take is part of what is measured.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.bench_agents import first_byte, run
from tests.benchmarks.load import server
from tests.benchmarks.place import bench_database

PORT = 8893
SURE = 60.0
GOAL_MS, GOAL_SEEN, GOAL_EFFECT = 250.0, 2.0, 10.0
_NOTE = re.compile(r'data-version="(\w+)" data-pulse="([^"]+)" data-pulse-now="(\w+)"')
CHECK: dict[str, Any] = {
    "schema": "1",
    "session": "bench-session",
    "tool": "Bash",
    "input": {"command": "pytest -q tests/unit && git status"},
    "cwd": "/work/checkout",
    "repository": "acme/checkout",
    "branch": "feature/basket",
}


class Line:
    """One kept connection that speaks as much HTTP as is needed."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, *, headers: str = "", body: bytes = b"") -> tuple[int, str]:
        for attempt in (1, 2):
            if self.pair is None:
                name, port = self.host.split(":")
                self.pair = await asyncio.open_connection(name, int(port))
            try:
                return await self._once(path, headers, body)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.pair = None
                if attempt == 2:
                    raise
        raise RuntimeError("unreachable")

    async def _once(self, path: str, headers: str, body: bytes) -> tuple[int, str]:
        assert self.pair is not None
        reader, writer = self.pair
        length = f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n" if body else ""
        head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: {self.host}\r\n{headers}{length}\r\n"
        writer.write(head.encode() + body)
        top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(top.split(" ", 2)[1])
        found = re.search(r"content-length: (\d+)", top)
        if found:
            return status, (await reader.readexactly(int(found[1]))).decode()
        if "transfer-encoding: chunked" in top:
            whole = b""
            while size := int((await reader.readline()).strip() or b"0", 16):
                whole += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
            return status, whole.decode()
        return status, ""


@dataclass
class Watch:
    """What the open inboxes saw: for each opened request when it was there, and how late each inbox had it."""

    opened: dict[str, float] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    pulses: int = 0
    lists: int = 0


async def inbox(host: str, session: str, watch: Watch, opens: float, until: float) -> None:
    """One open inbox, as its scripts ask: the pulse, and the list when that has changed or a minute is over."""
    line = Line(host)
    cookie = f"Cookie: sessionid={session}\r\nHX-Request: true\r\n"
    await asyncio.sleep(opens - time.monotonic())
    status, page = await line.ask("/approvals/list/", headers=cookie)
    version, pulse_url, pulse = _note(status, page)
    seen = set(re.findall(r"AR-\d+", page))
    sure = time.monotonic() + SURE
    while time.monotonic() < until:
        await asyncio.sleep(1.3 + random.random() * 0.4)  # noqa: S311
        status, now = await line.ask(f"{pulse_url}&p={pulse}")
        watch.pulses += 1
        if status == 204 and time.monotonic() < sure:
            continue
        pulse, sure = now or pulse, time.monotonic() + SURE
        status, page = await line.ask(f"/approvals/list/?v={version}", headers=cookie)
        watch.lists += 1
        if status == 204:
            continue
        version, pulse_url, _ = _note(status, page)
        fresh = set(re.findall(r"AR-\d+", page)) - seen
        seen |= fresh
        watch.late += [time.monotonic() - watch.opened[label] for label in fresh if label in watch.opened]


def _note(status: int, page: str) -> tuple[str, str, str]:
    found = _NOTE.search(page)
    if status != 200 or found is None:
        raise RuntimeError(f"The list answered {status} without its pulse.")
    return found[1], unescape(found[2]), found[3]


async def asking(host: str, agents: Sequence[dict[str, Any]], watch: Watch, start: float, until: float) -> None:
    """Somebody's agent opens a request every 3.5 seconds, each time of another team."""
    line, number = Line(host), 0
    await asyncio.sleep(start - time.monotonic())
    watch.pulses = watch.lists = 0  # those of opening are not counted
    while time.monotonic() < until - 3:
        agent = agents[number % len(agents)]
        # A session of each round: the same question asked again is the same request.
        command = {"command": f"npm install left-pad@1.{number}.0"}
        call = {**CHECK, "session": f"s{number}-{until:.0f}", "input": command}
        status, answer = await line.ask(
            "/api/v1/checks", headers=f"Authorization: Bearer {agent['token']}\r\n", body=json.dumps(call).encode()
        )
        said = json.loads(answer)
        if status != 200 or not said["request"]:
            raise RuntimeError(f"No request was opened: {status} {said.get('sentence', answer)}")
        watch.opened[said["request"]["number"]] = time.monotonic()
        number += 1
        await asyncio.sleep(3.5)


async def checks(host: str, token: str, rate: int, start: float, until: float) -> list[float]:
    """Milliseconds of each check at a fixed rate; a slow one does not hold back the next."""
    await asyncio.sleep(start - time.monotonic())
    taken: list[float] = []
    lines = [Line(host) for _ in range(16)]
    body, headers = json.dumps(CHECK).encode(), f"Authorization: Bearer {token}\r\n"
    free = asyncio.Queue[Line]()
    for line in lines:
        free.put_nowait(line)

    async def one() -> None:
        started = time.perf_counter()
        line = await free.get()
        await line.ask("/api/v1/checks", headers=headers, body=body)
        taken.append((time.perf_counter() - started) * 1000)
        free.put_nowait(line)

    tasks = []
    while time.monotonic() < until:
        tasks.append(asyncio.create_task(one()))
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*tasks)
    return taken


async def _round(host: str, token: str, seeded: dict[str, Any], asked: argparse.Namespace, *, open_: bool) -> Any:
    watch, now, people = Watch(), time.monotonic(), seeded["watchers"] if open_ else []
    start = now + (asked.ramp if open_ else 0)
    until = start + asked.seconds
    random.shuffle(people)  # those of one team do not open theirs together
    opens = [now + asked.ramp * number / max(1, len(people)) for number in range(len(people))]
    watchers = [inbox(host, one["session"], watch, at, until) for one, at in zip(people, opens, strict=True)]
    found = await asyncio.gather(
        checks(host, token, asked.rate, start, until), asking(host, seeded["asking"], watch, start, until), *watchers
    )
    return found[0], watch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--inboxes", type=int, default=500)
    parser.add_argument("--teams", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--ramp", type=int, default=30, help="seconds in which the inboxes are opened")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, bench_database(Path(folder)) as place:
        run("manage.py", "collectstatic", "--noinput", "-v", "0", environment=place.environment)
        counts = [str(asked.teams), str(asked.inboxes), str(asked.pending)]
        seeded = json.loads(
            run("-m", "tests.benchmarks.seed_inbox", *counts, environment=place.environment).splitlines()[-1]
        )
        with server("portal.urls", port=PORT, environment=place.environment) as base:
            taken = _pages(base, seeded, asked.rounds)
            host = urlsplit(base).netloc
            quiet, busy, watched = [], [], []
            for _ in range(2):
                quiet += asyncio.run(_round(host, place.token, seeded, asked, open_=False))[0]
                times, watch = asyncio.run(_round(host, place.token, seeded, asked, open_=True))
                busy += times
                watched.append(watch)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{seeded['pending']} pending, {len(seeded['watchers'])} inboxes"
    )
    _print(asked.rate, taken, (quiet, busy), watched)


def _pages(base: str, seeded: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    own, all_ = seeded["watchers"][0]["session"], seeded["security"]
    pages = {
        "page, one team": ("/approvals/", own),
        "list, one team": ("/approvals/list/", own),
        "page, all": ("/approvals/", all_),
        "list, all": ("/approvals/list/?show=pending", all_),
        "badge, all": ("/approvals/badge/", all_),
    }
    taken: dict[str, list[float]] = {name: [] for name in pages}
    for number in range(rounds + 4):
        for name, (path, session) in pages.items():
            milliseconds, _ = first_byte(base, path, session)
            if number >= 4:  # the first rounds warm both processes up
                taken[name].append(milliseconds)
    return taken


def _at(times: Sequence[float], part: float) -> float:
    ordered = sorted(times)
    return ordered[max(0, int(len(ordered) * part) - 1)] if ordered else float("nan")


def _print(
    rate: int, taken: dict[str, list[float]], checks_: tuple[list[float], list[float]], watched: list[Watch]
) -> None:
    quiet, busy = checks_
    for name, times in taken.items():
        print(
            f"{name:14} p50 {statistics.median(times):6.1f} ms  p95 {_at(times, 0.95):6.1f} ms  "
            f"(goal p95 under {GOAL_MS:.0f} ms)"
        )
    late = [one for watch in watched for one in watch.late]
    pulses, lists = sum(watch.pulses for watch in watched), sum(watch.lists for watch in watched)
    print(
        f"seen after     p50 {_at(late, 0.5):6.2f} s   p95 {_at(late, 0.95):6.2f} s   worst {_at(late, 1):6.2f} s  "
        f"(goal under {GOAL_SEEN:.0f} s; {len(late)} sights, {pulses} pulses, {lists} lists)"
    )
    before, after = _at(quiet, 0.99), _at(busy, 0.99)
    print(
        f"checks, {rate}/s  p99 alone {before:6.2f} ms  beside open inboxes {after:6.2f} ms  "
        f"{(after / before - 1) * 100:+.0f} % (goal under {GOAL_EFFECT:.0f} %)  "
        f"p50 {statistics.median(quiet):.2f} and {statistics.median(busy):.2f} ms"
    )


if __name__ == "__main__":
    main()
