"""Tests, linters, builds and package managers, told apart by program and subcommand."""

import re

from approvals.rules.classify.call import Call, Word, arguments, names

# What a repository calls its own tasks. The part before ':' or '-' decides: test:integration, lint-fix, build_all.
_TASKS = {
    "test": "test", "tests": "test", "check": "test", "unit": "test", "integration": "test", "e2e": "test", "coverage": "test",
    "spec": "test", "bench": "test", "benchmark": "test", "vet": "lint", "lint": "lint", "fmt": "lint", "format": "lint", "typecheck": "lint",
    "types": "lint", "mypy": "lint", "ruff": "lint", "prettier": "lint", "eslint": "lint", "style": "lint", "build": "build",
    "compile": "build", "all": "build", "docs": "build", "bundle": "build", "dist": "build", "generate": "build", "t": "test",
}  # fmt: skip
_RISKY_TASK = re.compile(r"deploy|publish|release|push|prod|install|clean|destroy|migrat|secret", re.IGNORECASE)
_INSTALLS = re.compile(
    r"(?:un)?install|i|add|ci|remove|rm|un|update|up|upgrade|dedupe|prune|link|unlink|rebuild|sync|lock|get|tidy|require|dist-upgrade|create|audit-fix|import|install-test|it|cit"
)
_SHOWS = names(
    """
    list ls show view info why outdated search help version --version -v -V tree explain freeze
    check config-list root bin prefix query
    """
)


def _paths(call: Call) -> bool:
    """Look at every word for a secret or a way out; False when a word is not written out."""
    if not call.clear():
        return False
    for word in call.args:
        call.touch(word)
    return True


def tests(call: Call) -> None:
    """Test runners."""
    if _paths(call):
        call.add("test", call.program)


def linters(call: Call) -> None:
    """Linters and formatters."""
    if _paths(call):
        call.add("lint", call.program)


def builds(call: Call) -> None:
    """Compilers and bundlers."""
    if _paths(call):
        call.add("build", call.program)


def publish(call: Call) -> None:
    """Publishing to a package index."""
    call.add("package.publish", call.program)


def _task(call: Call, name: str) -> None:
    kind = _TASKS.get(re.split(r"[:_\-./]", name)[0].lower())
    if kind is None or _RISKY_TASK.search(name):
        call.unknown(f"What the task {name} does is not told by its name.")
    else:
        call.add(kind, name, call.program)


def task_runner(call: Call) -> None:
    """make, just, mise ...: the names of the tasks decide."""
    if not _paths(call):
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
    if call.program == "mise":
        verb, words = (words[0] if words else ""), words[1:2]
        if verb in {"r", "run"} and words:
            _task(call, words[0])
        elif verb in {"ls", "list", "tasks", "version", "current", "doctor", "where", "which"}:
            call.add("read", "mise")
        elif verb in {"install", "use", "upgrade", "uninstall", "i", "u"}:
            call.add("dependency.change", "mise")
        else:
            call.unknown(f"mise {verb} is not known.")
        return
    for word in words:
        if "=" not in word:
            _task(call, word)
        elif not re.match(r"[A-Z_]{2,}=[\w./:-]*$", word) or re.match(r"(?:SHELL|MAKE|CC|CXX|PATH)\w*=", word):
            call.unknown(f"{word} can change what the tasks run.")
    if not [word for word in words if "=" not in word]:
        if call.program in {"make", "gmake"}:
            call.add("build", "the first target", call.program)
        elif given.has("--version", "-l", "--list"):
            call.add("read", call.program)
        else:
            call.unknown("It names no task.")


def node(call: Call) -> None:
    """npm, pnpm, yarn, bun."""
    if not _paths(call):
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
        _task(call, names[0]) if names else call.add("read", call.program)
    elif verb in {"exec", "x", "dlx"}:
        _tool(call, [word for word in rest if word.text != "--"])
    elif verb in _SHOWS:
        call.add("network.fetch" if verb in {"view", "info", "show", "search", "outdated"} else "read", call.program)
    elif verb in {"publish", "unpublish", "dist-tag", "deprecate", "version"}:
        call.add("package.publish", call.program)
    elif verb in {"owner", "access", "token", "login", "adduser", "team", "config", "set"}:
        call.add("access.change", f"{call.program} {verb}")
    elif _INSTALLS.fullmatch(verb) or (not verb and call.program in {"yarn", "pnpm", "bun"}):
        call.add("dependency.change", call.program)
    else:
        _task(call, verb or "nothing")


def npx(call: Call) -> None:
    """npx and its like: a tool of the project if it is a known one, else a download that is run."""
    if _paths(call):
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
    if _paths(call):
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
    elif _INSTALLS.fullmatch(verb) or verb in {"pip", "tool", "python", "venv", "init", "export"}:
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
    if not _paths(call):
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


_MODULES = {
    "pytest": "test", "unittest": "test", "doctest": "test", "tox": "test", "nox": "test", "coverage": "test", "ruff": "lint",
    "mypy": "lint", "black": "lint", "isort": "lint", "flake8": "lint", "pylint": "lint", "pyright": "lint", "py_compile": "build",
    "compileall": "build", "build": "build", "pip": "dependency.change", "venv": "dependency.change", "ensurepip": "dependency.change",
    "twine": "package.publish", "virtualenv": "dependency.change",
}  # fmt: skip


def python(call: Call) -> None:
    """python -m with a known module; a script or -c can do anything."""
    words = [word.text for word in call.args]
    if words in (["--version"], ["-V"]):
        call.add("read", call.program)
        return
    while words and words[0] in {"-u", "-B", "-X", "-W", "-I", "-bb"}:
        words = words[2:] if words[0] in {"-X", "-W"} else words[1:]
    if not _paths(call):
        return
    if len(words) > 1 and words[0] == "-m" and words[1] in _MODULES:
        call.add(_MODULES[words[1]], f"python -m {words[1]}")
    elif words == ["manage.py", "test"] or words[:2] == ["manage.py", "check"]:
        call.add("test", "manage.py")
    else:
        call.unknown("What this Python program does is not seen from the command.")


def node_program(call: Call) -> None:
    """node --test; any other script can do anything."""
    if _paths(call):
        words = [word.text for word in call.args]
        if words in (["--version"], ["-v"]):
            call.add("read", call.program)
        elif words[:1] in (["--test"], ["test"]) and not any(
            re.match(r"-(?:r|e|p|-require|-import|-eval|-print|-loader)", word) for word in words
        ):
            call.add("test", call.program)
        elif call.program == "deno" and words[:1] in (["lint"], ["fmt"], ["check"]):
            call.add("lint", "deno")
        else:
            call.unknown("What this program does is not seen from the command.")


_GO = {
    "test": "test", "vet": "lint", "build": "build", "fmt": "lint", "doc": "read", "list": "read", "version": "read", "env": "read",
    "help": "read", "get": "dependency.change", "install": "dependency.change", "clean": "build",
}  # fmt: skip


def go(call: Call) -> None:
    """go: subcommand by subcommand; options that name a program make it unknown."""
    if not _paths(call):
        return
    words = [word.text for word in call.args]
    if any(
        re.match(r"--?(?:exec|toolexec|vettool|overlay|modfile|gccgoflags|ldflags.*-X?linker)\b", word)
        for word in words
    ):
        call.unknown("An option of go names a program or another set of files.")
    for index, word in enumerate(words):
        if word in {"-o", "-coverprofile", "-cpuprofile", "-memprofile", "-trace", "-outputdir"} and index + 1 < len(
            words
        ):
            call.write([call.args[index + 1]])
        elif match := re.match(r"--?(?:o|coverprofile|cpuprofile|memprofile|trace|outputdir)=(.+)", word):
            call.write([Word(match[1])])
    verb = words[0] if words else "help"
    if verb == "mod":
        call.add("read" if words[1:2] in (["graph"], ["why"], ["verify"]) else "dependency.change", "go mod")
    elif verb == "env" and any(word in {"-w", "-u"} for word in words):
        call.add("access.change", "go env", "It changes settings of every later go command.")
    elif verb == "tool" and words[1:2] in (["cover"], ["pprof"], ["nm"], ["objdump"]):
        call.add("build", "go tool")
    elif verb in _GO:
        call.add(_GO[verb], f"go {verb}")
    else:
        call.unknown(f"go {verb} runs code that is not seen from the command.")


_CARGO = {
    "test": "test", "nextest": "test", "bench": "test", "clippy": "lint", "fmt": "lint", "check": "build", "build": "build", "b": "build",
    "t": "test", "c": "build", "doc": "build", "tree": "read", "metadata": "read", "version": "read", "--version": "read", "help": "read",
    "publish": "package.publish", "yank": "package.publish", "owner": "access.change", "login": "access.change",
}  # fmt: skip


def cargo(call: Call) -> None:
    """cargo: subcommand by subcommand."""
    if not _paths(call):
        return
    words = [word.text for word in call.args if not word.text.startswith("+")]
    verb = words[0] if words else "help"
    if any(word.startswith(("--config", "-Z")) for word in words):
        call.unknown("An option of cargo changes what it runs.")
    if verb in _CARGO:
        call.add(_CARGO[verb], f"cargo {verb}")
    elif _INSTALLS.fullmatch(verb) or verb in {"fetch", "vendor", "generate-lockfile"}:
        call.add("dependency.change", "cargo")
    else:
        call.unknown(f"cargo {verb} runs code that is not seen from the command.")


def build_tool(call: Call) -> None:
    """mvn, gradle, dotnet ...: the goals decide."""
    if not _paths(call):
        return
    goals = [word.text for word in call.args if not word.text.startswith("-")]
    if any(
        re.search(r"exec|-I|--init-script|-D\w*(?:exec|agent)", word.text)
        for word in call.args
        if word.text.startswith("-")
    ):
        call.unknown("An option changes what it runs.")
    for goal in goals[:1] if call.program in {"dotnet", "swift", "mix"} else goals:
        if goal in {"verify", "package", "assemble", "compile"}:
            call.add("build", goal, call.program)
        else:
            _task(call, goal)
    if not goals:
        call.add("read", call.program) if any("version" in word.text for word in call.args) else call.unknown(
            "It names no goal."
        )
