"""The tools of single languages: Python, Node, Go, Rust and the JVM, where a script can do anything.

The tables: Python's modules (``_MODULES``) and the subcommands of go (``_GO``) and cargo (``_CARGO``) by action type.
A script, a module or a subcommand in none of them is ``unknown``.
"""

import re

from approvals.rules.classify.call import Call, Word, kinds_of
from approvals.rules.classify.packages import INSTALLS, looked_at, task
from approvals.rules.classify.steering import refuse_steering

_MODULES = kinds_of(
    {
        "test": "pytest unittest doctest tox nox coverage",
        "lint": "ruff mypy black isort flake8 pylint pyright",
        "build": "py_compile compileall build",
        "dependency.change": "pip venv ensurepip virtualenv",
        "package.publish": "twine",
    }
)


_COVERED = re.compile(r"(?:^|\s)-m (?:pytest|unittest)(?:\s|$)")


def python(call: Call) -> None:
    """python -m with a known module; a script or -c can do anything."""
    words = [word.text for word in call.args]
    if words in (["--version"], ["-V"]):
        call.add("read", call.program)
        return
    while words and words[0] in {"-u", "-B", "-X", "-W", "-I", "-bb"}:
        words = words[2:] if words[0] in {"-X", "-W"} else words[1:]
    if not looked_at(call):
        return
    if len(words) > 1 and words[0] == "-m" and words[1] in _MODULES:
        refuse_steering(call, words[1], [Word(text) for text in words[2:]])
        if words[1] == "coverage" and words[2:3] == ["run"] and not _COVERED.search(" ".join(words[3:])):
            call.unknown("What this Python program does is not seen from the command.")
        call.add(_MODULES[words[1]], f"python -m {words[1]}")
    elif words == ["manage.py", "test"] or words[:2] == ["manage.py", "check"]:
        call.add("test", "manage.py")
    else:
        call.unknown("What this Python program does is not seen from the command.")


def node_program(call: Call) -> None:
    """node --test; any other script can do anything."""
    if looked_at(call):
        words = [word.text for word in call.args]
        if words in (["--version"], ["-v"]):
            call.add("read", call.program)
            return
        refuse_steering(call)
        if any("://" in word or word.startswith(("npm:", "jsr:")) for word in words):
            call.unknown("It fetches a program and runs it.")
        if words[:1] in (["--test"], ["test"]):
            call.add("test", call.program)
        elif call.program == "deno" and words[:1] in (["lint"], ["fmt"], ["check"]):
            call.add("lint", "deno")
        else:
            call.unknown("What this program does is not seen from the command.")


_GO = kinds_of(
    {
        "test": "test",
        "lint": "vet fmt",
        "build": "build clean",
        "read": "doc list version env help",
        "dependency.change": "get install",
    }
)


_GO_TRACE = re.compile(r"--?(?:pprof=(?:net|sync|syscall|sched)|d=\w+)")


def go(call: Call) -> None:
    """go: subcommand by subcommand; options that name a program make it unknown."""
    if not looked_at(call):
        return
    words = [word.text for word in call.args]
    if any(
        re.match(
            r"--?(?:exec|toolexec|vettool|overlay|modfile|gccgoflags|compiler|modcache|ldflags.*-X?linker)\b", word
        )
        or re.search(r"(?:^|[\s='\"])-?-ext(?:ld|ar)", word)
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
    elif verb == "tool" and words[1:2] in (["cover"], ["pprof"], ["nm"], ["objdump"]) and "://" not in " ".join(words):
        call.add("build", "go tool")
    elif verb == "tool" and words[1:2] == ["trace"] and _GO_TRACE.fullmatch(" ".join(words[2:3])) and len(words) == 4:
        # Any other form opens a server and a browser.
        call.read(call.args[3:])
    elif verb in _GO:
        call.add(_GO[verb], f"go {verb}")
    else:
        call.unknown(f"go {verb} runs code that is not seen from the command.")


_CARGO = kinds_of(
    {
        "test": "test nextest bench t",
        "lint": "clippy fmt",
        "build": "check build b c doc",
        "read": "tree metadata version --version help",
        "package.publish": "publish yank",
        "access.change": "owner login",
    }
)


def cargo(call: Call) -> None:
    """cargo: subcommand by subcommand."""
    if not looked_at(call):
        return
    words = [word.text for word in call.args if not word.text.startswith("+")]
    verb = words[0] if words else "help"
    if any(word.startswith(("--config", "-Z")) for word in words) or any(
        word.text.startswith("+") and "/" in word.text for word in call.args
    ):
        call.unknown("An option of cargo changes what it runs.")
    refuse_steering(call, "rustc", call.args[words.index("--") + 1 :] if verb == "clippy" and "--" in words else ())
    if verb in _CARGO:
        call.add(_CARGO[verb], f"cargo {verb}")
    elif verb in INSTALLS or verb in {"fetch", "vendor", "generate-lockfile"}:
        call.add("dependency.change", "cargo")
    else:
        call.unknown(f"cargo {verb} runs code that is not seen from the command.")


def build_tool(call: Call) -> None:
    """mvn, gradle, dotnet ...: the goals decide."""
    if not looked_at(call):
        return
    refuse_steering(call, call.program.removeprefix("./"))
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
            task(call, goal)
    if not goals:
        call.add("read", call.program) if any("version" in word.text for word in call.args) else call.unknown(
            "It names no goal."
        )
