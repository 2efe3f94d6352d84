"""A scripted model on loopback: the agent is the real one, only what it is told to do is ours.

Speaks as much of the Anthropic Messages API (server-sent events) as Claude Code asks for. What stands in
for the model is outside our own product: nothing of the portal is replaced.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Script:
    """Shell commands the model asks for, one a turn; ``results`` is what the agent reported back for each."""

    commands: Sequence[str]
    results: list[tuple[str, bool]] = field(default_factory=list)


@contextmanager
def scripted_model(script: Script) -> Iterator[str]:
    """Serve the script; yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
            if not self.path.startswith("/v1/messages") or "count_tokens" in self.path:
                self._send(json.dumps({"input_tokens": 10}).encode(), "application/json")
                return
            script.results[:] = list(_results(body))
            block = _next_block(script, body)
            events = _events(block, str(body.get("model", "claude")), len(script.results))
            stream = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
            self._send(stream.encode(), "text/event-stream")

        def do_GET(self) -> None:
            self._send(b'{"data": []}', "application/json")

        do_HEAD = do_GET  # noqa: N815

        def _send(self, data: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _results(body: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Every tool result in the conversation so far: its text, and whether it is an error."""
    for message in body.get("messages", []):
        if message["role"] != "user" or not isinstance(message["content"], list):
            continue
        for item in message["content"]:
            if item.get("type") == "tool_result":
                content = item.get("content")
                text = content if isinstance(content, str) else json.dumps(content)
                yield text, bool(item.get("is_error"))


def _next_block(script: Script, body: dict[str, Any]) -> dict[str, Any]:
    done = len(script.results)
    has_tools = any(tool.get("name") == "Bash" for tool in body.get("tools", []))
    if not has_tools or done >= len(script.commands):
        return {"type": "text", "text": "Done."}
    # The description changes each time, as a real model's does: an approval must not hang on it.
    return {
        "type": "tool_use",
        "id": f"toolu_scripted{done:04d}",
        "name": "Bash",
        "input": {"command": script.commands[done], "description": f"Step {done} of the script"},
    }


def _events(block: dict[str, Any], model: str, turn: int) -> list[tuple[str, dict[str, Any]]]:
    usage = {"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": f"msg_scripted{turn:04d}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    if block["type"] == "text":
        start: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": block["text"]}
        reason = "end_turn"
    else:
        start = {**block, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        reason = "tool_use"
    return [
        ("message_start", {"type": "message_start", "message": message}),
        ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": start}),
        ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        (
            "message_delta",
            {
                "type": "message_delta",
                "delta": {"stop_reason": reason, "stop_sequence": None},
                "usage": {"output_tokens": 20},
            },
        ),
        ("message_stop", {"type": "message_stop"}),
    ]
