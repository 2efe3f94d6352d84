"""The two slower answers of the check, beside a floor each: a request that is opened, a grant that is redeemed.

Every call is another one, so wrk reads them from a list: a token and a session to a line.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from tests.benchmarks.load import Sample, Summary, run_wrk, summarise
from tests.benchmarks.place import Place, askers

BODY = json.dumps(
    {
        "schema": "1",
        "session": "SESSION",
        "tool": "Bash",
        "input": {"command": "gh pr merge 7 --squash"},
        "cwd": "/work/checkout",
        "repository": "acme/checkout",
        "branch": "feature/basket",
    }
)
# Seconds of a round: so many requests must be opened that their grants do not run out in the rounds that redeem, and
# so few that no agent is told to cool down.
OPENS, REDEEMS = 8, 1
_APPROVE = """
INSERT INTO approvals_review (id, request_id, person_id, verdict, human, turn, stage, capacity, reason, view_hash,
                              authority, at)
SELECT gen_random_uuid(), r.id, p.id, 'approve', p.human, 1, 0, 'team', '', r.view_hash, '{}', clock_timestamp()
FROM approvals_approvalrequest r, identity_person p WHERE p.id = %s AND r.state = 'pending';
"""
_GRANT = """
WITH approved AS (
    UPDATE approvals_approvalrequest SET state = 'approved', resolved_at = clock_timestamp() WHERE state = 'pending'
    RETURNING id, agent_id, digest, revision_id, epoch, kill_keys
)
INSERT INTO approvals_grant (id, request_id, agent_id, digest, revision_id, epoch, kill_keys, state, issued_at,
                             expires_at, tool_use_id, outcome)
SELECT gen_random_uuid(), id, agent_id, digest, revision_id, epoch, kill_keys, 'issued', clock_timestamp(),
       clock_timestamp() + interval '1 hour', '', ''
FROM approved
"""


def compare(base: str, place: Place, *, rounds: int, connections: int, folder: Path) -> dict[str, Summary]:
    """Rates of opening and redeeming, and of their floors, in alternating rounds."""
    approver, tokens = askers(place)
    samples: dict[str, list[Sample]] = {name: [] for name in ("floor of 3", "opens", "floor of 2", "redeems")}

    def take(name: str, path: str, lines: Sequence[str], seconds: int, counts: bool) -> None:
        script = _script(folder, lines)
        sample = run_wrk(script, base + path, seconds=seconds, connections=connections)
        if counts:
            samples[name].append(sample)

    sessions = _sessions(tokens)
    for number in range(rounds + 1):  # the first warms up
        take("floor of 3", "/floor/3", [next(sessions)], OPENS, bool(number))
        take("opens", "/api/v1/checks", [next(sessions) for _ in range(8_000)], OPENS, bool(number))
    with psycopg.connect(place.owner_url, autocommit=True) as connection:
        crowded = connection.execute(
            "SELECT count(*) FROM ledger_entry WHERE type = 'approvals.check.decided' AND outcome = 'deny'"
        ).fetchone()
        connection.execute(_APPROVE, [approver])
        connection.execute(_GRANT)
        ready = connection.execute(
            "SELECT a.slug, r.session_id FROM approvals_grant g JOIN approvals_approvalrequest r ON r.id = g.request_id"
            " JOIN registry_agent a ON a.id = g.agent_id ORDER BY g.id"
        ).fetchall()
    if crowded is None or crowded[0]:
        raise RuntimeError("Some agents asked more than may wait: these figures mean nothing.")
    by_session = [f"{tokens[int(str(session).split('-')[1])]} {session}" for _, session in ready]
    share = len(by_session) // (rounds + 1)
    for number in range(rounds + 1):
        take("floor of 2", "/floor/2", by_session[:1], REDEEMS, bool(number))
        take("redeems", "/api/v1/checks", by_session[number * share : (number + 1) * share], REDEEMS, bool(number))
    with psycopg.connect(place.owner_url) as connection:
        again = connection.execute("SELECT count(*) FROM approvals_approvalrequest WHERE state = 'pending'").fetchone()
    if again is None or again[0]:
        raise RuntimeError(
            f"Of {len(by_session)} grants {share} were for each round, and {again and again[0]} calls found none: "
            "these figures mean nothing; run it where less else is going on."
        )
    return {name: summarise(taken) for name, taken in samples.items()}


def _sessions(tokens: Sequence[str]) -> Iterator[str]:
    number = 0
    while True:
        asker = number % len(tokens)
        yield f"{tokens[asker]} s-{asker}-{number}"
        number += 1


def _script(folder: Path, lines: Sequence[str]) -> Path:
    """A wrk script that sends each line once, in order, and begins again at the end."""
    listed = folder / "calls.txt"
    listed.write_text("\n".join(lines) + "\n")
    script = folder / "calls.lua"
    script.write_text(
        f"local calls, at = {{}}, 0\nfor line in io.lines({json.dumps(str(listed))}) do calls[#calls + 1] = line end\n"
        f"local body = {json.dumps(BODY)}\n"
        "request = function()\n  at = at % #calls + 1\n"
        '  local token, session = calls[at]:match("(%S+) (%S+)")\n'
        '  local said = body:gsub("SESSION", session)\n'
        '  return wrk.format("POST", nil, {["Authorization"] = "Bearer " .. token, '
        '["Content-Type"] = "application/json"}, said)\nend\n'
    )
    return script
