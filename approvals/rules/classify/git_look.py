"""The subcommands of git that look: at which files, and with which options they do more.

The table: options that start a program or write a file (``_STARTS_PROGRAMS``).
"""

import re

from approvals.rules.classify.call import Call, Word
from approvals.rules.classify.paths import is_secret

# Git takes any unambiguous beginning of a long option, so `--forc` forces too.
_STARTS_PROGRAMS = ("--ext-diff", "--open-files", "--textconv", "--upload-pack", "--exec", "--receive-pack", "--output")


def look(call: Call, verb: str, rest: list[Word]) -> None:
    """Say what a subcommand of git looks at, and which of its options do more."""
    if not call.clear(rest):
        return
    dashes = False
    patterned = verb == "grep" and not any(word.text.startswith(("-e", "-f")) for word in rest)
    refuse_risky(call, verb, rest)
    _refuse_lists(call, verb, [word.text for word in rest])
    if verb == "grep" and any(word.text.startswith("--no-in") for word in rest):
        call.unknown("It searches files that git does not keep, secrets among them.")
    for index, word in enumerate(rest):
        text = word.text
        dashes = dashes or text == "--"
        if verb == "grep" and re.match(r"-(?![efmABC])[a-zA-Z]*?O", text) and not dashes:
            call.unknown("git grep -O starts a program.")
        elif text.startswith("-") and not dashes:
            # `blame --contents=.env` shows it; what is glued to a short option is mostly no file.
            if is_secret(value := text.partition("=")[2] or text[2:]) or text.startswith(("--cont", "--ignore-revs-f")):
                call.touch(Word(value))
            continue
        elif not (patterned and index == 0):
            # rev:path and rev -- path both name files, :(icase)path too; a wildcard that the shell leaves alone is
            # one for git.
            path = re.sub(r"^\([a-z,]*\)", "", text.rpartition(":")[2]) or text
            call.touch(Word(path, glob=re.search(r"[*?\[]", path) is not None))
            call.touch(word)
    call.add("search" if verb == "grep" else "read", f"git {verb}")


def _refuse_lists(call: Call, verb: str, texts: list[str]) -> None:
    if verb == "var" and "-l" in texts:
        call.unknown("It may show credentials that stand in git's settings.")
    # --batch-check says of which kind they are and shows none.
    if verb == "cat-file" and any(text.startswith("--b") and not text.startswith("--batch-ch") for text in texts):
        call.unknown("Which files it shows is not written in the command.")


def refuse_risky(call: Call, verb: str, rest: list[Word]) -> None:
    """Say of the options with which a look writes a file or starts a program that they are not understood."""
    for text in (word.text for word in rest):
        if (
            text.startswith("--")
            and len(text) > 3
            and any(long.startswith(text.partition("=")[0]) or text.startswith(long) for long in _STARTS_PROGRAMS)
        ):
            call.unknown(f"git {verb} {text} writes a file or starts a program.")
