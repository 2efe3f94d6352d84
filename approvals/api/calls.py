"""Reading the bodies of the hot paths: what was sent becomes a call, or every fault in it is named."""

import re
from typing import Any

from django.http import HttpRequest

from approvals.connect.hooks import claude
from approvals.rules.heads import NOT_A_COMMIT, is_commit
from approvals.services.check import Call
from portal.api.parsers import json_object
from portal.errors import InvalidInput, UnsupportedMedia

SCHEMA = "1"
# The columns that keep them have this width; what is cut could make two sessions one, so longer is refused.
MOST_STATED = 200
MOST_CWD = 4096
# What may be said around a call, as members of a check and as headers of a hook; ``Call`` has a field for each.
OPTIONAL = (
    "repository",
    "repository_id",
    "branch",
    "environment",
    "model",
    "provider",
    "credential",
    "initiator",
    "prompt_author",
    "task",
)
NUMBERS = ("files", "lines")
MOST_COUNTED = 1_000_000_000
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
# The whole change, beside a call whose input does not show it; the body as a whole is limited as well.
MOST_DIFF = 500_000
MOST_AUTHORS = 50
NOT_AUTHORS = f"must be at most {MOST_AUTHORS} e-mail addresses of at most {MOST_STATED} characters each"
NOT_A_FINGERPRINT = "must be 64 hexadecimal digits in lower case"
NOT_A_COUNT = "must be a whole number from 0 upwards"
_OTHERS = ("fingerprint", "head", "diff", "co_authors")
_KNOWN = frozenset({"schema", "session", "tool", "input", "cwd", "tool_use_id", *_OTHERS, *OPTIONAL, *NUMBERS})

Faults = list[dict[str, str]]


def check_call(request: HttpRequest) -> Call:
    """The call in a ``POST /api/v1/checks``; raises InvalidInput with a pointer for every fault."""
    body = _body(request)
    if body.get("schema") != SCHEMA:
        raise InvalidInput(
            f"The schema version must be “{SCHEMA}”. Nothing was decided.",
            errors=[{"pointer": "/schema", "detail": f"must be “{SCHEMA}”"}],
        )
    faults: Faults = [{"pointer": _pointer(name), "detail": "is not known"} for name in body if name not in _KNOWN]
    for name, most in (("session", MOST_STATED), ("tool", MOST_STATED), ("cwd", MOST_CWD)):
        _check_text(body, name, most, faults, required=True)
    for name in ("tool_use_id", *OPTIONAL):
        _check_text(body, name, MOST_STATED, faults, required=False)
    _check_measured(body, faults)
    _check_change(body, faults)
    if not isinstance(body.get("input"), dict):
        faults.append({"pointer": "/input", "detail": "must be an object"})
    if faults:
        raise InvalidInput("The check is not valid. Nothing was decided.", errors=faults)
    return Call(
        tool=body["tool"],
        tool_input=body["input"],
        session_id=body["session"],
        cwd=body["cwd"],
        tool_use_id=body.get("tool_use_id"),
        fingerprint=body.get("fingerprint"),
        head=body.get("head"),
        diff=body.get("diff") or None,
        co_authors=tuple(body.get("co_authors") or ()),
        **{name: body.get(name) or None for name in OPTIONAL},
        **{name: body.get(name) for name in NUMBERS},
    )


def _check_text(body: dict[str, Any], name: str, most: int, faults: Faults, *, required: bool) -> None:
    value = body.get(name)
    if value is None and not required:
        return
    if not isinstance(value, str) or (required and not value) or len(value) > most:
        faults.append({"pointer": f"/{name}", "detail": f"must be a text of at most {most} characters"})


def _check_measured(body: dict[str, Any], faults: Faults) -> None:
    """What is not a text to be compared with patterns: the size of the change, and what the agent is made of."""
    for name in NUMBERS:
        value = body.get(name)
        if value is not None and (type(value) is not int or not 0 <= value <= MOST_COUNTED):
            faults.append({"pointer": f"/{name}", "detail": NOT_A_COUNT})
    stated = body.get("fingerprint")
    if stated is not None and not (isinstance(stated, str) and FINGERPRINT.fullmatch(stated)):
        faults.append({"pointer": "/fingerprint", "detail": NOT_A_FINGERPRINT})


def _check_change(body: dict[str, Any], faults: Faults) -> None:
    """The change that the call is about: the commit it starts from, all of its lines, and who wrote them."""
    _check_text(body, "diff", MOST_DIFF, faults, required=False)
    head = body.get("head")
    if head is not None and not (isinstance(head, str) and is_commit(head)):
        faults.append({"pointer": "/head", "detail": NOT_A_COMMIT})
    authors = body.get("co_authors")
    if authors is not None and not (isinstance(authors, list) and _are_authors(authors)):
        faults.append({"pointer": "/co_authors", "detail": NOT_AUTHORS})


def _are_authors(authors: list[Any]) -> bool:
    return len(authors) <= MOST_AUTHORS and all(
        isinstance(author, str) and author.strip() and len(author) <= MOST_STATED and author.isprintable()
        for author in authors
    )


def _pointer(name: str) -> str:
    return f"/{name.replace('~', '~0').replace('/', '~1')}"[:MOST_STATED]


def hook_call(request: HttpRequest) -> Call:
    """The call in a hook's body, with what the settings file states in headers; raises HookError."""
    asked = claude.parse(_body(request))
    for pointer, text in (("/session_id", asked.session_id), ("/tool_name", asked.tool)):
        if len(text) > MOST_STATED:
            raise claude.HookError(pointer, f"must not be longer than {MOST_STATED} characters.")
    around: dict[str, Any] = {name: _stated(request, name) for name in OPTIONAL}
    around |= {name: _counted(request, name) for name in NUMBERS}
    return Call(
        tool=asked.tool,
        tool_input=asked.tool_input,
        session_id=asked.session_id,
        cwd=asked.cwd,
        tool_use_id=asked.tool_use_id or None,
        fingerprint=_fingerprint(request),
        head=_head(request),
        co_authors=_co_authors(request),
        **around,
    )


def _header(name: str) -> str:
    return f"Bailiwick-{name.replace('_', '-').title()}"


def _fingerprint(request: HttpRequest) -> str | None:
    value = _stated(request, "fingerprint")
    if value is not None and not FINGERPRINT.fullmatch(value):
        raise claude.HookError(_header("fingerprint"), f"{NOT_A_FINGERPRINT}.")
    return value


def _head(request: HttpRequest) -> str | None:
    value = _stated(request, "head")
    if value is not None and not is_commit(value):
        raise claude.HookError(_header("head"), f"{NOT_A_COMMIT}.")
    return value


def _co_authors(request: HttpRequest) -> tuple[str, ...]:
    """E-mail addresses apart by commas."""
    value = _stated(request, "co_authors", most=MOST_AUTHORS * MOST_STATED)
    authors = [author.strip() for author in (value or "").split(",") if author.strip()]
    if not _are_authors(authors):
        raise claude.HookError(_header("co_authors"), f"{NOT_AUTHORS}.")
    return tuple(authors)


def _counted(request: HttpRequest, name: str) -> int | None:
    value = _stated(request, name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 11 and int(value) <= MOST_COUNTED):
        raise claude.HookError(_header(name), f"{NOT_A_COUNT}.")
    return int(value)


def _stated(request: HttpRequest, name: str, most: int = MOST_STATED) -> str | None:
    """What a ``Bailiwick-…`` header says. WSGI hands headers over as Latin-1, whatever was sent."""
    header = _header(name)
    value = request.headers.get(header, "").strip()
    try:
        value = value.encode("latin-1").decode("utf-8")
    except UnicodeError as error:
        raise claude.HookError(header, "must be UTF-8.") from error
    # An unset variable leaves its name in the header: "$USER" is not a statement.
    if not value or value.startswith("$"):
        return None
    if len(value) > most or not value.isprintable():
        raise claude.HookError(header, f"must be at most {most} printable characters.")
    return value


def _body(request: HttpRequest) -> dict[str, Any]:
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMedia(f"Send the body as it is, not encoded as {encoding[:40]}. Nothing was decided.")
    return json_object(request)
