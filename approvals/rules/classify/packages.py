"""Tests, linters, builds and package managers, told apart by program and subcommand."""

import re

from approvals.rules.classify.call import Call, Word, arguments, kinds_of, names

# What a repository calls its own tasks. The part before ':' or '-' decides: test:integration, lint-fix, build_all.
_TASKS = kinds_of(
    {
        "test": "test tests check unit integration e2e coverage spec bench benchmark t",
        "lint": "vet lint fmt format typecheck types mypy ruff prettier eslint style",
        "build": "build compile all docs bundle dist generate",
    }
)
_RISKY_TASK = re.compile(r"deploy|publish|release|push|prod|install|clean|destroy|migrat|secret", re.IGNORECASE)
INSTALLS = names(
    """
    install uninstall i add ci remove rm un update up upgrade dedupe prune link unlink rebuild sync
    lock get tidy require dist-upgrade create audit-fix import install-test it cit
    """
)
_SHOWS = names(
    """
    list ls show view info why outdated search help version --version -v -V tree explain freeze
    check config-list root bin prefix query
    """
)


def looked_at(call: Call) -> bool:
    """Look at every word for a secret or a way out; False when a word is not written out."""
    if not call.clear():
        return False
    for word in call.args:
        call.touch(word)
    return True


def tests(call: Call) -> None:
    """Test runners."""
    if looked_at(call):
        call.add("test", call.program)


def linters(call: Call) -> None:
    """Linters and formatters."""
    if looked_at(call):
        call.add("lint", call.program)


def builds(call: Call) -> None:
    """Compilers and bundlers."""
    if looked_at(call):
        call.add("build", call.program)


def publish(call: Call) -> None:
    """Publishing to a package index."""
    call.add("package.publish", call.program)


def task(call: Call, name: str) -> None:
    kind = _TASKS.get(re.split(r"[:_\-./]", name)[0].lower())
    if kind is None or _RISKY_TASK.search(name):
        call.unknown(f"What the task {name} does is not told by its name.")
    else:
        call.add(kind, name, call.program)


def task_runner(call: Call) -> None:
    """make, just, mise ...: the names of the tasks decide."""
    if not looked_at(call):
        return
    given = arguments(
        call.args,
        names(
            """
    -C -f -j -I -o -W --directory --file --makefile --jobs --justfile -d --working-directory
    """
        ),
    )
    if given.has("-f", "--file", "--makefile", "--justfile", "--eval", "-E", "-c", "--command"):
        call.unknown("The tasks are in a file or a text named in the command.")
    words = [word.text for word in given.rest]
    for word in words:
        if "=" not in word:
            task(call, word)
        elif not re.match(r"[A-Z_]{2,}=[\w./:-]*$", word) or re.match(r"(?:SHELL|MAKE|CC|CXX|PATH)\w*=", word):
            call.unknown(f"{word} can change what the tasks run.")
    if not [word for word in words if "=" not in word]:
        if call.program in {"make", "gmake"}:
            call.add("build", "the first target", call.program)
        elif given.has("--version", "-l", "--list"):
            call.add("read", call.program)
        else:
            call.unknown("It names no task.")


def mise(call: Call) -> None:
    """mise: runs a named task, shows, or installs tools."""
    if not looked_at(call):
        return
    words = [word.text for word in call.args if not word.text.startswith("-")]
    verb = words[0] if words else ""
    if verb in {"r", "run"} and len(words) > 1:
        task(call, words[1])
    elif verb in {"ls", "list", "tasks", "version", "current", "doctor", "where", "which"}:
        call.add("read", "mise")
    elif verb in {"install", "use", "upgrade", "uninstall", "i", "u"}:
        call.add("dependency.change", "mise")
    else:
        call.unknown(f"mise {verb} is not known.")


def node(call: Call) -> None:
    """npm, pnpm, yarn, bun."""
    if not looked_at(call):
        return
    words = list(call.args)
    if any(
        re.match(r"--(?:script-shell|node-options|userconfig|globalconfig|registry|init-module)", word.text)
        for word in words
    ):
        call.unknown("An option changes what it runs or where it fetches from.")
    while words and words[0].text.startswith("-"):
        step = 2 if words[0].text in {"-C", "--prefix", "--dir", "--cwd", "-w", "--workspace", "--filter", "-F"} else 1
        if words[0].text in _SHOWS:
            call.add("read", call.program)
            return
        words = words[step:]
    verb = words[0].text if words else ""
    rest = words[1:]
    if verb in {"run", "run-script", "rum"}:
        names = [word.text for word in rest if not word.text.startswith("-")]
        task(call, names[0]) if names else call.add("read", call.program)
    elif verb in {"exec", "x", "dlx"}:
        _tool(call, [word for word in rest if word.text != "--"])
    elif verb in _SHOWS:
        call.add("network.fetch" if verb in {"view", "info", "show", "search", "outdated"} else "read", call.program)
    elif verb in {"publish", "unpublish", "dist-tag", "deprecate", "version"}:
        call.add("package.publish", call.program)
    elif verb in {"owner", "access", "token", "login", "adduser", "team", "config", "set"}:
        call.add("access.change", f"{call.program} {verb}")
    elif verb in INSTALLS or (not verb and call.program in {"yarn", "pnpm", "bun"}):
        call.add("dependency.change", call.program)
    else:
        task(call, verb or "nothing")


def npx(call: Call) -> None:
    """npx and its like: a tool of the project if it is a known one, else a download that is run."""
    if looked_at(call):
        words = list(call.args)
        while words and words[0].text in {"--no-install", "--no", "-y", "--yes", "--"}:
            words = words[1:]
        _tool(call, words)


_NODE_TOOLS = names(
    """
    jest vitest mocha playwright cypress eslint prettier tsc stylelint biome webpack rollup vite
    esbuild ava
    """
)


def _tool(call: Call, words: list[Word]) -> None:
    if words and words[0].text in _NODE_TOOLS:
        call.run(words)
    else:
        call.add("dependency.change", words[0].text if words else call.program)
        call.unknown("It downloads a program and runs it.")


def fetched_tool(call: Call) -> None:
    """uvx, pipx: a known tool is run as itself, anything else is a download that is run."""
    if looked_at(call):
        words = list(call.args)
        if words and words[0].text in {"ruff", "mypy", "pytest", "black", "isort", "flake8", "pyright"}:
            call.run(words)
        else:
            _tool(call, [])


def python_project(call: Call) -> None:
    """uv, poetry, pipenv ...: run starts another program; the others change dependencies."""
    words = list(call.args)
    if not words or not call.clear(words[:1]):
        call.add("read", call.program)
        return
    verb, rest = words[0].text, words[1:]
    if verb in {"run", "shell"}:
        while rest and rest[0].text in {
            "--frozen",
            "--locked",
            "--no-sync",
            "--quiet",
            "-q",
            "--",
            "--all-extras",
            "--dev",
        }:
            rest = rest[1:]
        if rest:
            call.run(rest)
        else:
            call.unknown("It starts a shell.")
    elif verb == "publish":
        call.add("package.publish", call.program)
    elif verb == "build":
        call.add("build", call.program)
    elif verb in {"version", "--version", "tree", "show", "list", "help", "--help"}:
        call.add("read", call.program)
    elif verb in INSTALLS or verb in {"pip", "tool", "python", "venv", "init", "export"}:
        call.add("dependency.change", f"{call.program} {verb}")
    else:
        call.unknown(f"{call.program} {verb} is not known.")
    for word in rest:
        if word.literal:
            call.touch(word)


def installer(call: Call) -> None:
    """Package managers: everything that is not plainly a listing changes dependencies."""
    words = [word.text for word in call.args if not word.text.startswith("-")]
    if call.program == "bundle" and words[:1] == ["exec"]:
        call.run(call.args[1:])
        return
    if not looked_at(call):
        return
    verb = words[0] if words else ""
    if call.program == "gem" and verb in {"push", "yank", "owner"}:
        call.add("package.publish", "gem")
    elif verb in _SHOWS or (not verb and all(word.text in {"--version", "-V", "--help"} for word in call.args)):
        call.add("read", call.program)
    elif verb in {"config", "index", "download", "wheel", "exec", "run", "run-script"}:
        call.unknown(f"{call.program} {verb} is not followed.")
    else:
        call.add("dependency.change", call.program)
