"""Nonsense sent to every endpoint of the API: whatever comes, the answer is a refusal and never a fault (5xx)."""

import json
from typing import Any

import pytest
from django.test import Client

from tests import matrix
from tests.organisation import Organisation, active_agent, credential_for

ROWS = {
    key: row
    for key, row in matrix.rows().items()
    if matrix.full_paths().get(key, "").startswith("api/v1/") or "-api:" in key
}
DEEP = 20_000

# Bodies of every shape that is not what an endpoint asks for.
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"7",
    "words": b'"words"',
    "an unknown member": b'{"surely_unknown": 1}',
    "a member that is no text": b'{"\\ud800": 1}',
    "broken": b'{"reason":',
    "no UTF-8": b'{"reason": "\xff\xfe"}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep members": b'{"document":' * DEEP + b"1" + b"}" * DEEP,
    "a long number": b'{"based_on": ' + b"9" * 5000 + b"}",
    "NaN": b'{"based_on": NaN}',
}
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**40,
    1.5e300,
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "x" * 70_000,
    [],
    [[]],
    {},
    {"\ud800": "\x00"},
    [None, {"a": [{}]}],
)
QUERIES = (
    "?cursor=%00",
    "?cursor=" + "9" * 5000,
    "?at=%00",
    "?at=0001-01-01T00:00:00Z",
    "?at=9999-12-31T23:59:59-14:00",
    "?q=%00",
    "?team=%00",
    "?agent=%00",
    "?kind=%00",
    "?state=%00",
    "?name=%00&kind=risk&file_name=%00.txt",
    "?limit=-1",
)


@pytest.mark.parametrize("key", sorted(ROWS))
def test_nonsense_is_refused(key: str, organisation: Organisation) -> None:
    row = ROWS[key]
    token = credential_for(organisation, active_agent(organisation, "Nonsense Teller"))
    address = matrix.address(key, row, organisation).partition("?")[0]
    faults = []
    client = Client(raise_request_exception=False)
    client.force_login(organisation.security)
    more: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if row.machine else {}
    for name, body in BODIES.items():
        for method in ("post", "put", "patch"):
            answer = getattr(client, method)(address, body, content_type="application/json", **more)
            if answer.status_code == 405:
                continue
            if answer.status_code >= 500:
                faults.append(f"{method} {name}: {answer.status_code}")
    for query in QUERIES:
        answer = client.get(address + query, **more)
        if answer.status_code >= 500:
            faults.append(f"get {query[:60]}: {answer.status_code}")
    assert faults == []


# The members of each body that is new, and every one of them with every wrong value.
MEMBERS = {
    "registry-api:leases": "point kind session run repository working",
    "registry-api:lease-release": "point",
    "registry-api:policy-file": "repository path commit text",
    "registry-api:import": "text reason digest",
    "registry-api:policy": "based_on document reason",
    "registry-api:policy-organisation": "based_on document reason",
    "registry-api:kills": "kind target reason revoke_credentials",
    "registry-api:credentials": "name days scope",
    "registry-api:recertifications": "team due_on",
    "registry-api:recertification-decisions": "verdict items reason",
    "registry-api:agent-transfer": "to_team reason",
    "registry-api:agent-owners": "accountable_person deputy reason",
    "registry-api:proposal-approve": "seal reason",
    "registry-api:team-on-call": "on_call",
    "registry-api:drills": "agent",
}


@pytest.mark.parametrize("key", sorted(MEMBERS))
def test_members_of_the_wrong_kind_are_refused(key: str, organisation: Organisation) -> None:
    """Each member that the endpoint knows gets every wrong value, beside others that are text."""
    row = ROWS[key]
    token = credential_for(organisation, active_agent(organisation, "Nonsense Teller"))
    address = matrix.address(key, row, organisation).partition("?")[0]
    client = Client(raise_request_exception=False)
    client.force_login(organisation.security)
    more: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if row.machine else {}
    names, faults = MEMBERS[key].split(), []
    for method in ("post", "put"):
        for name in names:
            for value in VALUES:
                body = json.dumps({**dict.fromkeys(names, "x"), name: value})
                answer = getattr(client, method)(address, body, content_type="application/json", **more)
                if answer.status_code == 405:
                    break
                if answer.status_code >= 500:
                    faults.append(f"{method} {name}={str(value)[:20]!r}: {answer.status_code}")
    assert faults == []
