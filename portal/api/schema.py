"""What every operation of the API has in common, written into the schema once: its refusals.

Views describe what they answer when all goes well and refusals of their own (``PROBLEM`` with a sentence);
the hook below adds those that any operation can meet.
"""

from collections.abc import Iterator
from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse

SCHEMA_NAME: Final = "Problem"
MEDIA_TYPE: Final = "application/problem+json"

Document = dict[str, Any]

PROBLEM_SCHEMA: Final[Document] = {
    "type": "object",
    "description": "A refusal (RFC 9457). Members beyond those named here carry further facts.",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "example": "urn:bailiwick:problem:not-found"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, what was not done, and what to do."},
        "instance": {"type": "string", "description": "The path that was asked."},
        "code": {"type": "string", "description": "Stable; meant for programs.", "example": "not-found"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901, into the body that was sent."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "additionalProperties": True,
}

_ALWAYS: Final = {
    "401": "Nobody is signed in, or the token is unknown, revoked or expired.",
    "403": "The caller may not do this, or the browser's request came without its CSRF token.",
    "406": "The Accept header allows no JSON.",
}
_WITH_PATH: Final = {"404": "There is no such thing, or none that the caller may see."}
_WITH_BODY: Final = {
    "400": "The body or a parameter is not valid; ``errors`` says where.",
    "413": "The body is too large.",
    "415": "The content type is not supported.",
}
KEY_HEADER: Final = "Idempotency-Key"
# Beside what the operation itself refuses with 409.
_WITH_KEY: Final = (
    "The first request with this Idempotency-Key is still under way, or the key was used for another one "
    "(``idempotency-key-reused``)."
)


def refusal(sentence: str) -> OpenApiResponse:
    """For ``extend_schema(responses={409: refusal("…")})``: a refusal of this one operation."""
    return OpenApiResponse(response={"$ref": f"#/components/schemas/{SCHEMA_NAME}"}, description=sentence)


def describe_problems(result: Document, generator: Any, request: Any, public: bool) -> Document:
    """drf-spectacular's hook: adds the Problem schema and the common refusals to every operation."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas[SCHEMA_NAME] = PROBLEM_SCHEMA
    for path, operation in _operations(result):
        wanted = {**_ALWAYS}
        if "{" in path:
            wanted |= _WITH_PATH
        if "requestBody" in operation:
            wanted |= _WITH_BODY
        _summarise(operation)
        responses = operation["responses"]
        for status, sentence in wanted.items():
            responses.setdefault(status, {"description": sentence})
        if any(one.get("name") == KEY_HEADER for one in operation.get("parameters", ())):
            conflict = responses.setdefault("409", {})
            conflict["description"] = f"{conflict.get('description', '')} {_WITH_KEY}".strip()
        for status, response in responses.items():
            if status.startswith(("4", "5")):
                response["content"] = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{SCHEMA_NAME}"}}}
        operation["responses"] = dict(sorted(responses.items()))
    return result


def _summarise(operation: Document) -> None:
    """A view without a summary of its own is named by the first sentence of its docstring."""
    sentence, _, _ = operation.get("description", "").partition(".")
    if sentence:
        operation.setdefault("summary", " ".join(sentence.split()))


def _operations(result: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in result.get("paths", {}).items():
        for operation in methods.values():
            if isinstance(operation, dict) and "responses" in operation:
                yield path, operation
