"""The tools of well-known MCP servers, read as the programs that do the same are read.

The tables: the file system's server by what it does with which member of its input (``_FILES``), GitHub's server by
what a tool is (``_READS``, ``_SECRETS``, ``_SENDS``, ``_KINDS``) and those with a reader of their own (``_OWN``); the
other servers stand in ``mcp_servers``. GitHub's tools and their members are those of github/github-mcp-server at
64a49f3 (pkg/github/__toolsnaps__/), with older names that it still takes. All go by the name that a server has in the
agent's settings, which whoever wrote them chose; changing them is an action of its own (``access.change``). A tool that
is in no table is not understood, and neither is one that is given a member which is not known here. Whatever changes
something on the host is never understood, so that no name of a server makes it free.
"""

from collections.abc import Callable, Mapping

from approvals.rules.classify.call import Call, Word, kinds_of, names
from approvals.rules.classify.git_push import PROTECTED_NAME
from approvals.rules.classify.mcp_servers import Given, read_server

_HOST = "github.com"
_MOST_PATHS = 1000

# What is done with the path, the member that holds it, and the members that change nothing about that.
_FILES: Mapping[str, tuple[str, str, str]] = {
    "read_file": ("read", "path", "head tail"),
    "read_text_file": ("read", "path", "head tail"),
    "read_media_file": ("read", "path", ""),
    "read_multiple_files": ("read", "paths", ""),
    "list_directory": ("look", "path", ""),
    "list_directory_with_sizes": ("look", "path", "sortBy"),
    "directory_tree": ("look", "path", "excludePatterns"),
    "get_file_info": ("look", "path", ""),
    "search_files": ("search", "path", "pattern excludePatterns"),
    "write_file": ("write", "path", "content"),
    "edit_file": ("write", "path", "edits dryRun"),
    "create_directory": ("write", "path", ""),
    "move_file": ("write", "source destination", ""),
}
_READS = names(
    """
    actions_get actions_list get_job_logs get_code_quality_finding get_code_scanning_alert list_code_scanning_alerts
    get_me get_team_members get_teams get_dependabot_alert list_dependabot_alerts get_discussion
    get_discussion_comments list_discussion_categories list_discussions get_gist list_gists get_repository_tree
    get_label list_label issue_read list_issue_fields list_issue_types list_issues search_issues list_notifications
    get_notification_details search_orgs projects_get projects_list list_pull_requests pull_request_read
    search_pull_requests get_commit get_file_contents get_latest_release get_release_by_tag get_tag list_branches
    list_commits list_releases list_repository_collaborators list_tags search_code search_commits
    search_repositories get_global_security_advisory list_global_security_advisories
    list_org_repository_security_advisories list_repository_security_advisories list_starred_repositories
    search_users get_issue get_issue_comments get_pull_request get_pull_request_files get_pull_request_status
    get_pull_request_diff get_pull_request_comments get_pull_request_reviews list_workflows list_workflow_runs
    get_workflow_run list_workflow_jobs get_file_blame find_duplicate issue_dependency_read ui_get
    """
)
_SECRETS = names("get_secret_scanning_alert list_secret_scanning_alerts")
_SENDS = names(
    """
    issue_write create_issue update_issue add_issue_comment sub_issue_write label_write discussion_comment_write
    add_comment_to_pending_review add_reply_to_pull_request_comment create_gist update_gist projects_write
    request_copilot_review star_repository unstar_repository dismiss_notification manage_notification_subscription
    manage_repository_notification_subscription mark_all_notifications_read
    add_issue_comment_reaction add_issue_reaction add_pull_request_review_comment
    add_pull_request_review_comment_reaction add_sub_issue remove_sub_issue reprioritize_sub_issue
    issue_dependency_write set_issue_fields update_issue_assignees update_issue_body update_issue_labels
    update_issue_milestone update_issue_state update_issue_title update_issue_type
    delete_pending_pull_request_review request_pull_request_reviewers resolve_review_thread unresolve_review_thread
    update_pull_request_body update_pull_request_state update_pull_request_title
    """
)
_KINDS = kinds_of(
    {
        "access.change": "create_repository fork_repository delete_repository",
        "ci.change": "actions_run_trigger run_workflow rerun_workflow_run rerun_failed_jobs cancel_workflow_run",
        "pr.merge": "merge_pull_request",
    }
)


def read_mcp(call: Call, given: Given) -> bool:
    """Add what the tool of a known server does; False when no table knows it."""
    prefix, _, rest = call.program.partition("__")
    server, _, tool = rest.partition("__")
    if prefix != "mcp":
        return False
    if server == "ide" and tool == "getDiagnostics":
        call.add("lint", call.program)
    elif server == "filesystem" and tool == "list_allowed_directories":
        call.add("read", call.program)
    elif server == "filesystem" and tool in _FILES:
        _file(call, given, *_FILES[tool])
    elif server == "github" and tool in _READS | _SECRETS | _SENDS | _KINDS.keys() | _OWN.keys():
        _github(call, tool, given)
    else:
        return read_server(call, server, tool, given)
    return True


def _file(call: Call, given: Given, does: str, members: str, others: str) -> None:
    if given.keys() - {*members.split(), *others.split()}:
        call.unknown("It is given something that the portal does not know of this tool.")
    words = [word for member in members.split() for word in _paths(call, given.get(member))]
    if does == "write":
        call.write(words)
    else:
        call.read(words, "search" if does == "search" else "read", content=does == "read")


def _paths(call: Call, value: object) -> list[Word]:
    """The paths that a member holds, one or a list of them."""
    texts = value if isinstance(value, list) else [value]
    if len(texts) > _MOST_PATHS:
        call.unknown(f"It names more than {_MOST_PATHS} paths.")
        texts = texts[:_MOST_PATHS]
    words = [Word(text) for text in texts if isinstance(text, str) and text and "\0" not in text]
    if not words or len(words) != len(texts):
        call.unknown("It names no path.")
    return words


def _text(given: Given, member: str) -> str:
    value = given.get(member)
    return value if isinstance(value, str) else ""


def _github(call: Call, tool: str, given: Given) -> None:
    repository = f"{_text(given, 'owner')}/{_text(given, 'repo')}".strip("/")
    if tool in _READS | _SECRETS:
        for member in ("path", "path_filter"):
            call.touch(Word(_text(given, member)))
        if tool in _SECRETS:
            call.add("secret.read", repository, "It shows secrets that were found in a repository.", host=_HOST)
        call.add("network.fetch", repository or _HOST, host=_HOST)
        return
    if tool in _OWN:
        _OWN[tool](call, given)
    else:
        call.add(_KINDS.get(tool, "network.write"), _target(given) or tool, tool, host=_HOST)
    # As with `gh -R`: the scope speaks of the repository that was stated, and the call may name another.
    call.unknown(f"It changes {repository or 'something on the host'}, which is named in the call.")


def _target(given: Given) -> str:
    """The repository that is named, with the number of the pull request or issue if there is one."""
    repository = f"{_text(given, 'owner')}/{_text(given, 'repo')}".strip("/")
    number = given.get("pullNumber", given.get("issue_number"))
    return f"{repository}#{number}" if repository and isinstance(number, int) else repository


def _branch(call: Call, given: Given) -> None:
    branch = _text(given, "branch").removeprefix("refs/heads/")
    call.add("branch.create", branch, branch=branch or None, host=_HOST)


def _push(call: Call, given: Given) -> None:
    """Files that are committed to a branch at the host without a working copy."""
    files = given.get("files")
    rows = files if isinstance(files, list) else [given]
    branch = _text(given, "branch").removeprefix("refs/heads/")
    paths = [row.get("path") if isinstance(row, Mapping) else None for row in rows]
    call.write(_paths(call, paths), "file.delete" if call.program.endswith("__delete_file") else "")
    protected = not branch or PROTECTED_NAME.fullmatch(branch)
    call.add("push.protected" if protected else "push.branch", branch, branch=branch or None, host=_HOST)


def _pull_request(call: Call, given: Given) -> None:
    branch = _text(given, "head").rpartition(":")[2].removeprefix("refs/heads/")
    kind = "pr.draft" if given.get("draft") is True else "pr.open"
    call.add(kind, _target(given) or "pull request", branch=branch or None, host=_HOST)


def _update(call: Call, given: Given) -> None:
    call.add("network.write", _target(given) or "pull request", host=_HOST)
    if given.get("draft", True) is not True:
        call.add("pr.open", _target(given) or "pull request", host=_HOST)


def _review(call: Call, given: Given) -> None:
    merges = _text(given, "event").upper() not in {"COMMENT", "REQUEST_CHANGES"} and "event" in given
    call.add("pr.merge" if merges else "network.write", _target(given) or "pull request", "review", host=_HOST)


def _update_branch(call: Call, given: Given) -> None:
    call.add("push.branch", _target(given) or "pull request", "It changes the branch of the pull request.", host=_HOST)


_OWN: Mapping[str, Callable[[Call, Given], None]] = {
    "create_branch": _branch,
    "create_or_update_file": _push,
    "push_files": _push,
    "delete_file": _push,
    "create_pull_request": _pull_request,
    "update_pull_request": _update,
    "update_pull_request_draft_state": _update,
    "create_pull_request_review": _review,
    "submit_pending_pull_request_review": _review,
    "pull_request_review_write": _review,
    "create_and_submit_pull_request_review": _review,
    "update_pull_request_branch": _update_branch,
}
# Whose input shows how large the change is.
SIZED = names(
    """
    mcp__filesystem__write_file mcp__filesystem__edit_file mcp__github__create_or_update_file mcp__github__push_files
    """
)
