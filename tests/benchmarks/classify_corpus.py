"""`python -m tests.benchmarks.classify_corpus --corpus PATH`: what recorded calls are classified as, and how fast.

Prints how many calls there are, by tool and by action type, every call that was not understood, and the time of one
call. With ``--sample N`` it prints N calls with their classification, for a person to judge: the same ones each time,
shell commands three of four. Recorded sessions are other people's: only counts of them may be written down.
"""

import argparse
import json
import os
import platform
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns

from approvals.rules.classify import Classified, classify
from tests.benchmarks.corpus_calls import Recorded, recorded_calls

_ROUNDS, _SEED, _SHELL_SHARE = 5, 20261121, 0.75


def main() -> None:
    """Read the corpus, classify it, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--corpus", type=Path, required=True, help="a folder of recorded sessions")
    options.add_argument("--only", nargs="*", default=[], help="only these folders of it")
    options.add_argument("--sample", type=int, default=0, help="print this many calls to judge, as JSON lines")
    given = options.parse_args()
    calls = [call for call in recorded_calls(given.corpus) if not given.only or call.source in given.only]
    if not calls:
        raise SystemExit(f"No recorded call was found below {given.corpus}.")
    found = [classify(call.tool, call.given, cwd=call.cwd) for call in calls]
    if given.sample:
        _print_sample(calls, found, given.sample)
        return
    print(f"{len(calls)} distinct calls\n")
    _print_counts("source", (call.source for call in calls))
    _print_counts("tool", (call.tool for call in calls))
    _print_counts("action type", (kind for one in found for kind in sorted({action.type for action in one.actions})))
    missed = [place for place, one in enumerate(found) if not one.understood]
    print(f"not understood: {len(missed)} of {len(calls)} ({len(missed) / len(calls):.1%})")
    for place in missed:
        why = {action.detail for action in found[place].actions if action.type == "unknown"}
        print(f"  {place:4} {calls[place].tool}: {'; '.join(sorted(why))}")
    _print_times(calls)


def _print_counts(title: str, values: Iterable[str]) -> None:
    print(f"by {title}:")
    for name, count in sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"  {count:5}  {name}")
    print()


def _print_times(calls: Sequence[Recorded]) -> None:
    """The least of some rounds for each call: what the call costs, and not what else the machine did meanwhile."""
    best = [float("inf")] * len(calls)
    for _ in range(_ROUNDS):
        for place, call in enumerate(calls):
            start = perf_counter_ns()
            classify(call.tool, call.given, cwd=call.cwd)
            best[place] = min(best[place], (perf_counter_ns() - start) / 1000)
    shell = [took for took, call in zip(best, calls, strict=True) if call.tool == "Bash"]
    for title, times in (("all", best), ("Bash", shell)):
        ranked = sorted(times)
        print(
            f"| {datetime.now(UTC):%Y-%m-%d} | {os.cpu_count()} cores, Python {platform.python_version()} | "
            f"`python -m tests.benchmarks.classify_corpus`, {title} {len(ranked)} | goal: median 100 µs, p99 1 ms | "
            f"median {statistics.median(ranked):.0f} µs, p99 {ranked[int(len(ranked) * 0.99)]:.0f} µs | | "
            f"most {ranked[-1]:.0f} µs |"
        )


def sampled(calls: Sequence[Recorded], size: int) -> list[int]:
    """Return the places of a sample that is the same each time: mostly shell commands, the rest any other tool."""
    choice = random.Random(_SEED)  # noqa: S311  a sample, no secret
    shell = [place for place, call in enumerate(calls) if call.tool == "Bash"]
    other = [place for place, call in enumerate(calls) if call.tool != "Bash"]
    from_shell = min(len(shell), int(size * _SHELL_SHARE))
    return sorted(choice.sample(shell, from_shell) + choice.sample(other, min(len(other), size - from_shell)))


def _print_sample(calls: Sequence[Recorded], found: Sequence[Classified], size: int) -> None:
    for place in sampled(calls, size):
        call = calls[place]
        does = [" ".join(filter(None, (one.type, one.resource, one.detail))) for one in found[place].actions]
        row = {"index": place, "tool": call.tool, "cwd": call.cwd, "input": call.given, "does": does}
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
