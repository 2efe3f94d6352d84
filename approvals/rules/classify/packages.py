"""Tests, linters, builds and package managers, told apart by program and subcommand.

The tables: names of a repository's tasks by action type (``_TASKS``), parts of a task's name that make it ``unknown``
(``_RISKY_TASK``), subcommands that change dependencies (``INSTALLS``) and that only show (``_SHOWS``), and the tools of
Node that are run without a download (``_NODE_TOOLS``).
"""

import re

from approvals.rules.classify.call import Arguments, Call, Word, after_options, arguments, kinds_of, names
from approvals.rules.classify.paths import special
from approvals.rules.classify.steering import refuse_steering

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
    before = ""
    for word in call.args:
        call.touch(word)
        # What an option names may be written: `gcc x.c -o .git/hooks/pre-commit`, `pytest --junitxml=.github/...`.
        named = word.text.partition("=")[2] or word.text
        if (before.startswith("-") or named != word.text) and special(named) in {"access.change", "ci.change"}:
            call.write([Word(named, glob=word.glob)])
        before = word.text
    return True


_TEST_VERBS = {"playwright": "test", "cypress": "run", "karma": "start"}


def tests(call: Call) -> None:
    """Test runners. The environments of tox and nox are named like tasks, and some of them release."""
    if looked_at(call):
        refuse_steering(call)
        verb = next((word.text for word in call.args if not word.text.startswith("-")), "")
        if _TEST_VERBS.get(call.program, verb) != verb:
            call.unknown(f"{call.program} {verb} does more than run tests.")
        for word in call.args:
            if call.program in {"tox", "nox"} and _RISKY_TASK.search(word.text):
                call.unknown(f"What {word.text} does is not told by its name.")
            if word.text.startswith(("--baset", "--record")) or word.text == "install":
                call.unknown(f"{word.text} does more than run tests.")
        call.add("test", call.program)


def linters(call: Call) -> None:
    """Linters and formatters."""
    if looked_at(call):
        refuse_steering(call)
        call.add("lint", call.program)


def builds(call: Call) -> None:
    """Compilers and bundlers."""
    if looked_at(call):
        refuse_steering(call)
        for word in call.args:
            if call.program in {"mkdocs", "ninja", "meson"} and _RISKY_TASK.search(word.text):
                call.unknown(f"What {word.text} does is not told by its name.")
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


# Variables that name the programs which make starts by itself, and interpreters that are no installed ones.
_MAKE_PROGRAMS = re.compile(
    r"(?:SHELL|MAKE|CC|CXX|PATH)\w*=|(?:AR|AS|CPP|FC|LD|LEX|YACC|RM|MAKEINFO)(?:FLAGS)?=|BASH_ENV=|ENV="
    r"|(?:PYTHON3?|NODE|GO|CARGO|NPM|PYTEST|PERL|RUBY|JAVA)=(?!\.?venv/bin/)\S*/"
)


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
    refuse_steering(call)
    call.look_at(given.values("-C", "--directory", "-d", "--working-directory"))
    # The number after -j may be left out, and then the next word is a task: `make -j deploy`.
    words = [word.text for word in (*given.rest, *given.values("-j", "--jobs")) if not word.text.isdigit()]
    if call.program in {"make", "gmake"}:
        _make_options(call, given)
    for word in words:
        if "=" not in word:
            task(call, word)
        elif not re.match(r"[A-Z_]{2,}=[\w./:-]*$", word) or _MAKE_PROGRAMS.match(word):
            call.unknown(f"{word} can change what the tasks run.")
    if not [word for word in words if "=" not in word]:
        if call.program in {"make", "gmake"}:
            call.add("build", "the first target", call.program)
        elif given.has("--version", "-l", "--list"):
            call.add("read", call.program)
        else:
            call.unknown("It names no task.")


_MAKE_PLAIN = names(
    """
    --jobs --keep-going --silent --quiet --dry-run --just-print --always-make --no-print-directory --directory
    --question --version --help --output-sync --load-average --trace --debug --no-builtin-rules --stop --makefile
    --file --eval
    """
)


def _make_options(call: Call, given: Arguments) -> None:
    for name, _ in given.options:
        if name == "-p" or name.startswith("--print-d"):
            call.add("secret.read", "environment", "It prints every variable.")
        elif name.startswith("--") and name not in _MAKE_PLAIN:
            call.unknown(f"make {name} is not followed.")


def mise(call: Call) -> None:
    """mise: runs a named task, shows, or installs tools."""
    if not looked_at(call):
        return
    words = [word.text for word in after_options(call, call.args, frozenset(), names("--version --help -q -v"))]
    verb = words[0] if words else ""
    if verb in {"r", "run"} and len(words) > 1:
        for name in (words[1], *(word for word in words[2:] if ":::" in words)):
            task(call, name)
    elif verb in {"ls", "list", "version", "current", "doctor", "where", "which"} or words in (
        ["tasks"],
        ["tasks", "ls"],
    ):
        call.add("read", "mise")
    elif verb in {"install", "use", "upgrade", "uninstall", "i", "u"}:
        call.add("dependency.change", "mise")
    else:
        call.unknown(f"mise {verb} is not known.")


# For pnpm -w takes no value, for npm it does; so each has its own row.
_NODE_VALUED = {
    "npm": "-C --prefix -w --workspace",
    "pnpm": "-C --dir --filter -F",
    "yarn": "--cwd",
    "bun": "--cwd --filter",
}
_NODE_PLAIN = names("-s --silent -q --quiet --if-present -r --recursive --workspaces --no-audit --no-fund --offline")


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
    refuse_steering(call)
    handed_on = next((place for place, word in enumerate(words, start=1) if word.text == "--"), len(words))
    refuse_steering(call, "mocha", words[handed_on:])
    if words and words[0].text in _SHOWS and len(words) == 1:
        call.add("read", call.program)
        return
    valued = names(_NODE_VALUED[call.program])
    words = after_options(call, words, valued, _NODE_PLAIN)
    verb = words[0].text if words else ""
    rest = words[1:]
    if verb in {"run", "run-script", "rum"}:
        named = after_options(call, rest, valued, _NODE_PLAIN)
        task(call, named[0].text) if named else call.add("read", call.program)
    elif verb in {"exec", "x", "dlx"}:
        # dlx takes the tool from the network even if the project has one.
        _tool(call, [word for word in rest if word.text != "--"] if verb != "dlx" else [])
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
        _tool(call, words if call.program != "pnpx" else [])


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


def _run_in_project(call: Call, rest: list[Word]) -> None:
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
    if rest and rest[0].text == "test":
        # `hatch run test` is a task of the project and not the shell's `test`.
        task(call, "test")
    elif rest:
        call.run(rest)
    else:
        call.unknown("It starts a shell.")


def python_project(call: Call) -> None:
    """uv, poetry, pipenv ...: run starts another program; the others change dependencies."""
    words = list(call.args)
    if not words or not call.clear(words[:1]):
        call.add("read", call.program)
        return
    verb, rest = words[0].text, words[1:]
    if verb in {"run", "shell"}:
        _run_in_project(call, rest)
    elif verb == "publish":
        call.add("package.publish", call.program)
    elif verb == "build":
        call.add("build", call.program)
    elif verb in {"version", "--version", "tree", "show", "list", "help", "--help"}:
        raises = verb == "version" and bool(rest)
        call.add("dependency.change" if raises else "read", f"{call.program} {verb}" if raises else call.program)
    elif verb in INSTALLS or verb in {"pip", "tool", "python", "venv", "init", "export"}:
        call.add("dependency.change", f"{call.program} {verb}")
    else:
        call.unknown(f"{call.program} {verb} is not known.")
    for word in rest:
        if word.literal:
            call.touch(word)


def installer(call: Call) -> None:
    """Package managers: everything that is not plainly a listing changes dependencies."""
    plain = names("-q --quiet -v --verbose --version -V --help -h -y --yes --no-input --disable-pip-version-check")
    words = [word.text for word in after_options(call, call.args, frozenset(), plain) if word.text[:1] != "-"]
    if call.program == "bundle" and words[:1] == ["exec"]:
        call.run(call.args[1:])
        return
    if not looked_at(call):
        return
    refuse_steering(call)
    verb = words[0] if words else ""
    if call.program == "gem" and verb in {"push", "yank", "owner"}:
        call.add("package.publish", "gem")
    elif verb in _SHOWS or (not verb and all(word.text in {"--version", "-V", "--help"} for word in call.args)):
        call.add("read", call.program)
    elif verb in {"config", "index", "download", "wheel", "exec", "run", "run-script"}:
        call.unknown(f"{call.program} {verb} is not followed.")
    else:
        call.add("dependency.change", call.program)
