"""Programs that start another program: what is started is read as if it stood alone.

The tables: for each such program its options that take a value (``_VALUED``, ``_XARGS_VALUED``), so that the program
that is started is found behind them.
"""

import re

from approvals.rules.classify.call import Call, Word, arguments, names
from approvals.rules.classify.environment import effect_of_setting

_VALUED = {
    "nice": "-n --adjustment",
    "ionice": "-c -n -p --class --classdata",
    "timeout": "-k -s --kill-after --signal",
    "gtimeout": "-k -s --kill-after --signal",
    "stdbuf": "-i -o -e --input --output --error",
    "watch": "-n --interval",
    "time": "-f -o --format --output",
    "exec": "-a",
    "caffeinate": "-t -w",
}
_XARGS_VALUED = names(
    """
    -a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs
    """
)


def _skip_options(words: list[Word], valued: frozenset[str]) -> tuple[list[Word], list[Word]]:
    """Return the options before the inner command, and the inner command."""
    index = 0
    while index < len(words) and words[index].text.startswith("-"):
        text = words[index].text
        index += 1
        if text == "--":
            break
        if text in valued:
            index += 1
    return words[:index], words[index:]


def _setting(call: Call, word: Word) -> None:
    name, _, value = word.text.partition("=")
    if effect := effect_of_setting(name, value):
        call.unknown(effect)


def plain(call: Call) -> None:
    """time, nohup, timeout, command ...: an option or two, then the program."""
    options, inner = _skip_options(list(call.args), frozenset(_VALUED.get(call.program, "").split()))
    if not call.clear(options):
        return
    if call.program == "command" and any(re.fullmatch(r"-[pvV]*[vV]", word.text) for word in options):
        call.add("read", "command")
        return
    if any(word.text.startswith(("-o", "--output")) for word in options) and call.program == "time":
        call.unknown("time -o writes a file.")
    if call.program in {"timeout", "gtimeout"}:
        if not call.clear(inner[:1]):
            return
        inner = inner[1:]
    while call.program in {"time", "!"} and inner and re.match(r"\w+=", inner[0].text):
        # The shell's own `time` is followed by a whole command, its variables included.
        _setting(call, inner[0])
        inner = inner[1:]
    if call.program == "watch":
        # watch gives its words to a shell.
        call.script(" ".join(word.text for word in inner))
        if not call.clear(inner):
            return
    elif not inner:
        call.add("read", call.program)
    else:
        call.run(inner)


def raised(call: Call) -> None:
    """sudo and its like: the inner program, and never free since it runs with rights of another user."""
    call.unknown("It runs with the rights of another user.")
    if call.program != "su":
        _, inner = _skip_options(
            list(call.args),
            names(
                """
    -u -g -h -p -C -T -r -t -U -D -R --user --group --host --chdir
    """
            ),
        )
        while inner and re.match(r"\w+=", inner[0].text):
            inner = inner[1:]
        if inner:
            call.run(inner)


def env(call: Call) -> None:
    """env: alone it prints every variable; otherwise it sets some and starts a program."""
    words = list(call.args)
    options, inner = _skip_options(words, frozenset({"-u", "--unset", "-C", "--chdir", "-S"}))
    # A list of what is followed and not of what is not: -iS'rm x', --split, --spl and --chd all run something else.
    if not call.clear(options) or any(
        not re.fullmatch(r"-[i0]*|-u.*|--(?:ignore-environment|null|unset(?:=.*)?)?", word.text)
        for index, word in enumerate(options)
        if index == 0 or options[index - 1].text not in {"-u", "--unset"}
    ):
        call.unknown("This option of env is not followed.")
    while inner and re.match(r"[^=/]+=", inner[0].text):
        _setting(call, inner[0])
        inner = inner[1:]
    if inner:
        call.run(inner)
    else:
        call.add("secret.read", "environment", "It prints every variable, secrets among them.")


def xargs(call: Call) -> None:
    """xargs: the program gets operands that are only known at run time."""
    options, inner = _skip_options(list(call.args), _XARGS_VALUED)
    if not call.clear(options):
        return
    given = arguments(options, _XARGS_VALUED)
    call.read(given.values("-a", "--arg-file"))
    mark = next((word.text for word in given.values("-I", "--replace")), "{}")
    marked = [Word(word.text, literal=word.literal and not (mark and mark in word.text)) for word in inner]
    call.run([*(marked or [Word("echo")]), Word("(what xargs reads)", literal=False)])


def shell(call: Call) -> None:
    """A shell: with ``-c`` and a written-out script the script is read, otherwise what it runs is not seen."""
    for index, word in enumerate(call.args):
        if not word.literal:
            break
        if re.fullmatch(r"-[a-z]*c[a-z]*", word.text) and "i" not in word.text and index + 1 < len(call.args):
            script = call.args[index + 1]
            if call.clear([script]):
                call.script(script.text)
                if len(call.args) > index + 2 and re.search(r"\$[@*0-9{]", script.text):
                    call.unknown("The script uses words that are given after it.")
            return
        if not re.fullmatch(r"-[euxl]+|-o|pipefail|--noprofile|--norc|--login", word.text):
            break
    if [word.text for word in call.args] == ["--version"]:
        call.add("read", call.program)
        return
    call.unknown("What this shell runs is not written in the command.")


def evaluate(call: Call) -> None:
    """eval: the words, joined by spaces, are a script."""
    if call.clear():
        call.script(" ".join(word.text for word in call.args))


def trap(call: Call) -> None:
    """trap: its first word is a script that runs later."""
    if call.clear() and call.args and call.args[0].text not in {"-", "-l", "-p", ""}:
        call.script(call.args[0].text)
    call.add("read", "trap")
