"""The reference MCP servers (git, fetch, memory, time, sequential thinking) and Playwright's browser.

The tables: git's tools as the words that ``git`` would be given (``_GIT``), the browser's by what they do
(``_BROWSER``), and tools that only look (``_LOOKS``), each with the members of their input that are known. Names and
members are those of modelcontextprotocol/servers at 76d64c8 (src/*/) and of microsoft/playwright-mcp at 7e0457a
(README.md). A tool that runs a script in a page, starts a recording or keeps a file where the server likes is in no
table, and what a memory is told lies outside the repository, so that neither is understood.
"""

from collections.abc import Callable, Mapping, Sequence

from approvals.rules.classify import git
from approvals.rules.classify.call import Call, Word
from approvals.rules.classify.network import host_of

Given = Mapping[str, object]

# The words of git, the members that are words of it too, and those that change nothing about what it does.
_GIT: Mapping[str, tuple[str, str, str]] = {
    "git_status": ("status", "", ""),
    "git_diff_unstaged": ("diff", "", "context_lines"),
    "git_diff_staged": ("diff --cached", "", "context_lines"),
    "git_diff": ("diff", "target", "context_lines"),
    "git_log": ("log", "", "max_count start_timestamp end_timestamp"),
    "git_show": ("show", "revision", ""),
    "git_branch": ("branch --list", "", "branch_type contains not_contains"),
    "git_add": ("add", "files", ""),
    "git_commit": ("commit", "", "message"),
    "git_reset": ("reset", "", ""),
    "git_create_branch": ("branch", "branch_name base_branch", ""),
    "git_checkout": ("checkout", "branch_name", ""),
}
_LOOKS: Mapping[str, Mapping[str, str]] = {
    "memory": {"read_graph": "", "search_nodes": "query", "open_nodes": "names"},
    "time": {"get_current_time": "timezone", "convert_time": "source_timezone time target_timezone"},
    "sequential-thinking": {
        "sequentialthinking": "thought nextThoughtNeeded thoughtNumber totalThoughts isRevision revisesThought"
        " branchFromThought branchId needsMoreThoughts"
    },
}
# A page that was loaded may do anything with a click or a key, and whose page it is the call does not say.
_BROWSER: Mapping[str, tuple[str, str]] = {
    "browser_navigate": ("network.fetch", "url"),
    "browser_navigate_back": ("network.fetch", ""),
    "browser_tabs": ("network.fetch", "action index url"),
    "browser_snapshot": ("network.fetch", "target depth boxes"),
    "browser_take_screenshot": ("network.fetch", "element target type fullPage scale"),
    "browser_console_messages": ("network.fetch", "level all"),
    "browser_network_requests": ("network.fetch", "static filter"),
    "browser_find": ("network.fetch", "text regex"),
    "browser_wait_for": ("network.fetch", "time text textGone"),
    "browser_resize": ("network.fetch", "width height"),
    "browser_close": ("network.fetch", ""),
    "browser_click": ("network.write", "element target doubleClick button modifiers"),
    "browser_hover": ("network.write", "element target"),
    "browser_type": ("network.write", "element target text submit slowly"),
    "browser_fill_form": ("network.write", "fields"),
    "browser_select_option": ("network.write", "element target values"),
    "browser_press_key": ("network.write", "key"),
    "browser_drag": ("network.write", "startElement startTarget endElement endTarget"),
    "browser_handle_dialog": ("network.write", "accept promptText"),
    "browser_drop": ("network.write", "element target paths data"),
    "browser_file_upload": ("network.write", "paths"),
    # Cookies and what a page keeps sign whoever holds them in.
    "browser_cookie_get": ("secret.read", "name"),
    "browser_cookie_list": ("secret.read", "domain path"),
    "browser_localstorage_get": ("secret.read", "key"),
    "browser_localstorage_list": ("secret.read", ""),
    "browser_sessionstorage_get": ("secret.read", "key"),
    "browser_sessionstorage_list": ("secret.read", ""),
    "browser_storage_state": ("secret.read", ""),
}


def _texts(call: Call, given: Given, member: str) -> list[Word]:
    """The words that a member holds, one or a list; one that could be an option is not understood."""
    value = given.get(member)
    texts = value if isinstance(value, list) else [value]
    words = [Word(text) for text in texts if isinstance(text, str) and text and "\0" not in text]
    if len(words) != len(texts) or any(word.text.startswith("-") for word in words):
        call.unknown(f"What {member} holds cannot be read.")
    return words


def _only(call: Call, given: Given, members: str) -> None:
    if given.keys() - set(members.split()):
        call.unknown("It is given something that the portal does not know of this tool.")


def _git(call: Call, tool: str, given: Given) -> None:
    """Read as the git command that the server runs, in the repository that it is told."""
    verb, said, beside = _GIT[tool]
    _only(call, given, f"repo_path {said} {beside}")
    where = _texts(call, given, "repo_path")
    words = [Word(word) for word in verb.split()]
    words += [word for member in said.split() if member in given for word in _texts(call, given, member)]
    for member in beside.split():
        if member != "message" and isinstance(given.get(member), str):
            _texts(call, given, member)
    before, dirs = len(call.found), call.place.dirs
    call.read(where, content=False)
    call.place.dirs = call.place.resolve(where[0].text) if where else ()
    command = Call("git", words, call.place, call.found, call.run, call.script)
    git.read(command)
    command.judge_place(before)
    call.place.dirs = dirs


def _browser(call: Call, tool: str, given: Given) -> None:
    kind, members = _BROWSER[tool]
    _only(call, given, members)
    url = given.get("url")
    if "url" in members.split() and (tool == "browser_navigate" or url is not None):
        address = url if isinstance(url, str) else ""
        if not address.lower().startswith(("http://", "https://")):
            call.unknown("It opens something that is no page of a web server.")
            call.touch(Word(address.partition("://")[2] or address))
        call.add(kind, address or tool, host=host_of(address))
    else:
        call.add(kind, tool, "It acts on the page that the browser shows.")
    if "paths" in members.split() and "paths" in given:
        call.read(_texts(call, given, "paths"))


def _fetch(call: Call, _tool: str, given: Given) -> None:
    _only(call, given, "url max_length start_index raw")
    url = given.get("url")
    address = url if isinstance(url, str) else ""
    call.add("network.fetch", address, host=host_of(address))


def _look(call: Call, tool: str, given: Given) -> None:
    server = call.program.split("__")[1]
    _only(call, given, _LOOKS[server][tool])
    call.add("read", call.program)


_SERVERS: Mapping[str, tuple[Sequence[str], Callable[[Call, str, Given], None]]] = {
    "git": (tuple(_GIT), _git),
    "playwright": (tuple(_BROWSER), _browser),
    "fetch": (("fetch",), _fetch),
    **{server: (tuple(tools), _look) for server, tools in _LOOKS.items()},
}


def read_server(call: Call, server: str, tool: str, given: Given) -> bool:
    """Add what the tool of one of these servers does; False when no table knows it."""
    tools, reader = _SERVERS.get(server, ((), _look))
    if tool not in tools:
        return False
    reader(call, tool, given)
    return True
