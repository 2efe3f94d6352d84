"""Says what each known attribute of agents' telemetry is: an identity, a fact fit for the clear, or content.

Names are those seen on the wire or documented by Claude Code 2.1.329, Codex 0.169.0, Gemini CLI 0.61.0,
Cursor's OpenTelemetry export and the OpenTelemetry GenAI and VCS conventions. What is not listed here is
content.
"""

from collections.abc import Callable, Mapping

from reports.ingest.incoming import JSON
from reports.ingest.values import plain_name, rounded, truth, whole

Reader = Callable[[object], JSON]
Facts = Mapping[str, tuple[str, Reader]]

# First match wins; a record's own attributes come before its resource's.
SESSION = ("session.id", "conversation.id", "cursor.conversation.id", "gen_ai.conversation.id")
TOOL = ("tool_name", "function_name", "gen_ai.tool.name")
TOOL_USE_ID = ("tool_use_id", "call_id", "gen_ai.tool.call.id")
MODEL = ("model", "gen_ai.response.model", "gen_ai.request.model")
INITIATOR = ("user.email", "enduser.id", "user.account_uuid", "user.account_id", "cursor.user.id", "user.id")
REPOSITORY = ("vcs.repository.url.full", "vcs.repository.name")
BRANCH = ("vcs.ref.head.name",)
COMMIT = ("vcs.ref.head.revision",)

EVENT_NAME = "event.name"
EVENT_TIME = "event.timestamp"
SEQUENCE = "event.sequence"
CURSOR_EVENT_ID = "cursor.event.id"
COST_USD = "cost_usd"

VENDOR_PREFIXES = ("claude_code.", "codex.", "gemini_cli.", "cursor.")
SAME_AS = {"tool_call": "tool_result"}  # Gemini reports a finished call as tool_call


def _each(reader: Reader, names: str, **renamed: str) -> dict[str, tuple[str, Reader]]:
    """A table of attribute to fact and reader: `names` keep their name, `renamed` give fact="attribute …"."""
    table = {name: (name.replace(".", "_"), reader) for name in names.split()}
    return table | {name: (fact, reader) for fact, listed in renamed.items() for name in listed.split()}


FACTS: Facts = {
    **_each(
        whole,
        """
        prompt_length response_length context_window attempt exit_code content_length stdout_chars
        tool_input_size_bytes tool_result_size_bytes mcp_servers_count extensions_count
        skill_path_count command_path_count agent_path_count
        num_hooks num_success num_blocking num_non_blocking_error num_cancelled
        cache_creation_5m_tokens cache_creation_1h_tokens
        """,
        sequence="event.sequence tool_result_seq",
        status_code="status_code http.response.status_code http.status_code",
        input_tokens="input_tokens input_token_count gen_ai.usage.input_tokens",
        output_tokens="output_tokens output_token_count gen_ai.usage.output_tokens",
        cache_read_tokens="""
        cache_read_tokens cached_token_count cached_content_token_count gen_ai.usage.cache_read.input_tokens
        """,
        cache_creation_tokens="""
        cache_creation_tokens cache_write_token_count gen_ai.usage.cache_creation.input_tokens
        """,
        reasoning_tokens="reasoning_token_count thoughts_token_count gen_ai.usage.reasoning.output_tokens",
        tool_tokens="tool_token_count",
        total_tokens="total_token_count",
        cost_micro_usd="cost_usd_micros",
        pull_request_number="cursor.cloud_agent.pull_request.number",
    ),
    **_each(
        rounded,
        "total_duration_ms initial_duration_ms escalated_duration_ms ttft_ms routing_latency_ms",
        duration_ms="duration_ms cursor.hook.duration_ms",
    ),
    **_each(
        truth,
        """
        success managed_only safe_mode has_hooks has_mcp host_owned_mcp output_truncated failed interactive
        sandbox_enabled is_plugin debug_mode log_user_prompts_enabled is_docker worktree_active
        """,
        custom_base_url="anthropic.custom_base_url",
        pull_request_draft="cursor.cloud_agent.pull_request.draft",
    ),
    **_each(
        plain_name,
        """
        decision source decision_source decision_type decision_model tool_source tool_type tool_namespace
        outcome error_type permission_mode approval_mode approval_policy sandbox_policy from_mode to_mode
        trigger mode speed effort query_source hook_type hook_source hook_name status transport_type
        server_scope mcp_server_scope server_name auth_mode auth_type originator slug provider_name
        reasoning_effort reasoning_summary output_format role request_id client_request_id command_source
        command_name terminal.type app.version plugin.name plugin.scope marketplace.name enabled_via
        skill.name agent.name agent_name managed_settings.trigger managed_settings.source_behavior
        managed_settings.helper.state managed_settings.helper.applied startup.phase startup.status
        gen_ai.response.id
        """,
        error_type="error.type",
        hook_event="hook_event hook_event_name",
        hook_name="cursor.hook.name",
        hook_type="cursor.hook.type",
        outcome="cursor.hook.outcome",
        kind="event.kind cursor.cloud_agent.pull_request.kind",
        provider="gen_ai.provider.name gen_ai.system anthropic.provider",
        operation="gen_ai.operation.name",
        prompt_id="prompt.id prompt_id",
        message_id="message.uuid",
        mcp_server="mcp_server.name mcp_server mcp_server_name",
        mcp_tool="mcp_tool.name",
    ),
}

RESOURCE_FACTS: Facts = _each(
    plain_name, "service.name service.version os.type host.arch cursor.surface cursor.entrypoint"
)

CONTENT: Mapping[str, str] = {
    "prompt": "prompt",
    "prompt_text": "prompt",
    "response": "response",
    "response_text": "response",
    "error": "error",
    "error.message": "error",
    "tool_parameters": "tool_parameters",
    "tool_input": "tool_input",
    "arguments": "tool_input",
    "function_args": "tool_input",
    "gen_ai.tool.call.arguments": "tool_input",
    "output": "tool_output",
    "gen_ai.tool.call.result": "tool_output",
}
