"""Programs that look at files or change them: what each reads, writes or deletes.

The tables: options that take a value, options that start other programs (``_RUNS_OTHERS``), what of sed and awk only
prints (``_SED_SAFE``, ``_AWK_ACTS``), and what the programs that only speak may be given (``_SAYS_ONLY``).
"""

import re

from approvals.rules.classify.call import Call, Word, arguments, names
from approvals.rules.classify.paths import special

_GREP_VALUES = names(
    """
    -A -B -C -m -e -f -d -D -g -t -T -E -j -M -r --regexp --file --include --exclude --exclude-dir
    --glob --type --context --after-context --before-context --max-count --max-depth --type-not
    --iglob --replace --color --colors --sort --threads
    """
)
_RUNS_OTHERS = frozenset({"--pre", "--hostname-bin", "--pager", "--compress-program", "--search-zip-bin", "--lessopen"})
_AWK_ACTS = re.compile(r"system|getline|\||>|@|close\s*\(|ENVIRON|ARG[VC]|SYMTAB|PROCINFO")
_SED_ADDRESS = r"(?:\d+|\$|/[^/\n]*/)(?:,(?:\+?\d+|\$|/[^/\n]*/))?!?\s*"
# Each part of s/a/b/ is a run of "not a backslash" or "a backslash and one more": no text can match in two ways.
_SED_PART = r"(?:(?!(?P=mark{0}))[^\\\n]|\\.)*(?P=mark{0})"
_SED_COMMAND = rf"(?:[pdqnlGHhgxDNP=]|s(?P<mark{{0}}>[/|,#@!]){_SED_PART}{_SED_PART}[gpiI0-9]*|)"
_SED_SAFE = re.compile(
    rf"\s*(?:{_SED_ADDRESS})?{_SED_COMMAND.format(0)}\s*(?:;\s*(?:{_SED_ADDRESS})?{_SED_COMMAND.format(1)}\s*)?"
)


def read_content(call: Call) -> None:
    """Programs that print what is in the files they are given."""
    if not call.clear():
        return
    if call.program == "jq":
        if any(re.search(r"\benv\b|\$ENV", word.text) for word in call.args):
            call.add("secret.read", "environment", "It can print every variable.")
        given = arguments(call.args, frozenset({"-f", "--from-file", "-L"}))
        if given.has("-f", "--from-file", "-L", "--library-path") or any(
            re.search(r"\b(?:import|include)\b", word.text) for word in given.rest[:1]
        ):
            # A program of jq can print every variable.
            call.unknown("The program of jq stands in a file, or a part of it does.")
        _read_rest(call, given.rest[1:])
        call.read(given.values("-f", "--from-file"))
        return
    if call.program in {"more", "less"} and any(
        word.text.startswith(("+", "-o", "-O", "-k", "--log", "--LOG", "--lesskey")) for word in call.args
    ):
        call.unknown("This option of a pager starts a program or writes a file.")
    if call.program == "bat" and any(word.text in {"cache", "--generate-config-file"} for word in call.args):
        call.unknown("It writes files of its own.")
    if call.program == "diff" and _recursive(call) and not arguments(call.args).has("-q", "--brief"):
        call.unknown("It shows every line of whole directories, secrets among them.")
    if call.program in {"iconv", "base64"}:
        call.write(arguments(call.args, names("-o --output -f -t -w -i -b -D")).values("-o", "--output"))
        if any(word.text.startswith("--o") and not word.text.startswith("--output") for word in call.args):
            call.unknown("An option may name a file to write.")
    _read_rest(call, [word for word in call.args if not word.text.startswith("-")])


def _recursive(call: Call) -> bool:
    given = arguments(call.args)
    return any(name in {"-r", "-R"} or name.startswith(("--rec", "--deref")) for name, _ in given.options)


def shows_everything(pattern: object) -> bool:
    """Return whether a search for this shows nearly every line, so that it is a way of reading and not of finding."""
    return isinstance(pattern, str) and re.search(r"\w\w", re.sub(r"\\.|\[[^]]*\]", "", pattern)) is None


def _read_rest(call: Call, words: list[Word]) -> None:
    call.read(words)
    _option_values(call)
    if not words:
        call.add("read", call.program)


def _option_values(call: Call) -> None:
    """Look at values glued to options (``-f.env``, ``--file=.env``), and for options that start programs."""
    for word in call.args:
        name, _, value = word.text.partition("=")
        if name in _RUNS_OTHERS:
            call.unknown(f"{name} starts another program.")
        if word.text.startswith("-"):
            call.touch(Word(value or word.text[2:], word.literal, word.glob))


_CAPTURE_VALUED = names("-r -Y -R -T -e -E -z -c -t -d -O")
_CAPTURE_PLAIN = names("-r -Y -R -T -e -E -z -c -t -d -O -n -q -V -x -2 -P -l")
# Statistics that are printed; others may write what was transferred into files.
_CAPTURE_COUNTS = re.compile(r"(?:io|conv|endpoints|expert|hosts|dns|http|ptype|plen)(?:,[\w,.:() &|=!-]*)?")


def capture(call: Call) -> None:
    """tshark: with -r it shows what a file of recorded packets holds; without, it listens to the network."""
    if not call.clear():
        return
    given = arguments(call.args, _CAPTURE_VALUED)
    call.look_at(call.args)
    files = given.values("-r")
    if any(name not in _CAPTURE_PLAIN for name, _ in given.options) or len(files) != 1:
        call.unknown("It records packets, writes files or loads something else, as far as its options tell.")
    if any(not _CAPTURE_COUNTS.fullmatch(word.text) for word in given.values("-z")):
        call.unknown("This statistic of tshark is not followed.")
    call.read(files)


_NAMES_FROM = re.compile(r"--from(?:tab)?file|--files0-from|--files-from|-X|--exclude-from|--magic-file|-m|--infofile")
_FILE_LISTS = re.compile(r"-[a-zA-Z]*[Cf]|--(?:comp|files)")


def read_names(call: Call) -> None:
    """Programs that show names, sizes and dates and not what is inside."""
    if call.program in {"test", "[", "basename", "dirname"}:
        call.add("read", call.program)
        return
    if call.clear():
        if call.program == "tree" and any(word.text.startswith("-o") for word in call.args):
            call.unknown("tree -o writes a file.")
        names = [word for word in call.args if not word.text.startswith("-")]
        # With these a file that is named is read, and what stands in it is shown as names or in an error.
        call.read(names, content=any(_NAMES_FROM.match(word.text) for word in call.args))
        _option_values(call)
        if call.program == "file" and any(_FILE_LISTS.match(word.text) for word in call.args):
            call.unknown("This option of file reads or writes a list.")
        if not names:
            call.add("read", ".", call.program)


# Of these only this much is known to say and do nothing else: date -f reads a file, mapfile -C and jobs -x run a
# program, wait -p evaluates a subscript.
_SAYS_ONLY = {
    "date": re.compile(
        r"\+.*|-[uR]+|-I\w*|--utc|--iso-8601(?:=\w+)?|--rfc-(?:email|3339=\w+)|-d.+|--date=.*", re.DOTALL
    ),
    "arch": re.compile(r"--version|--help"),
    "hostname": re.compile(r"-[sfiIdA]+|--fqdn|--short"),
    "mapfile": re.compile(r"-t|\w+"),
    "readarray": re.compile(r"-t|\w+"),
    "jobs": re.compile(r"-[lnprs]+"),
    "wait": re.compile(r"-n|[%$\w{}!\"]+"),
}


def say(call: Call) -> None:
    """Programs that only print their words, wait, or tell about the machine."""
    if call.program == "popd":
        call.place.dirs = ()
    if call.program in _SAYS_ONLY and any(not _SAYS_ONLY[call.program].fullmatch(word.text) for word in call.args):
        call.unknown(f"{call.program} can set, read or run what it is given.")
    call.add("read", call.program)


# In the root of a repository, hidden files among them, these are found where the secrets are.
_SECRET_SOUGHT = re.compile(
    r"passw|passphrase|secret|token|api.?key|access.?key|private.?key|credential|BEGIN|AKIA|ghp_|sk-|xox", re.IGNORECASE
)
_NAMES_ONLY = names("-l -L -c -q --count --quiet --files --files-with-matches --files-without-match")


def search(call: Call) -> None:
    """grep and its like: the first word is a pattern, the others are places to look."""
    given = arguments(
        call.args, _GREP_VALUES if call.program == "rg" else _GREP_VALUES - {"-r", "-E", "-T", "-t", "-g", "-j", "-M"}
    )
    patterned = given.has("-e", "-f", "--regexp", "--file")
    places = given.rest if patterned else given.rest[1:]
    options = [word for word in call.args if word.text.startswith("-") or not word.literal]
    pattern = {word.text for word in (*given.rest[:1], *given.values("-e", "--regexp"))}
    if not call.clear([word for word in options if word.text not in pattern or word.text.startswith("$")]):
        return
    call.read(places, "search")
    call.read(given.values("-f", "--file"))
    for word in given.values("--include", "-g", "--glob", "--iglob"):
        call.touch(Word(word.text, glob=True))
    everywhere = call.program not in {"grep", "egrep", "fgrep", "zgrep"} or _recursive(call) or given.has("-d")
    sought = given.values("-e", "--regexp") or ([] if patterned else given.rest[:1])
    all_lines = given.has("-v", "--invert-match", "--passthru") or any(shows_everything(word.text) for word in sought)
    hidden = call.program.endswith("grep") or given.has("--hidden", "-.", "-u", "--unrestricted", "--no-ignore")
    whole = not places or any(word.text in {".", "./", "*", "~", "$PWD"} for word in places)
    narrowed = given.has("--include", "-g", "--glob", "--iglob", "-t", "--type", "-G")
    if everywhere and hidden and whole and not narrowed and any(_SECRET_SOUGHT.search(word.text) for word in sought):
        all_lines = True
    if everywhere and all_lines and not given.has(*_NAMES_ONLY):
        call.unknown("It shows nearly every line of what it searches, or just those with secrets.")
    for word in options:
        if word.text.partition("=")[0] in _RUNS_OTHERS:
            call.unknown("An option of this search starts another program.")
    if given.has("-O", "--open-files-in-pager"):
        call.unknown("An option of this search starts another program.")
    if not places:
        call.add("search", ".", call.program)


def _starts(call: Call) -> list[Word]:
    """Where it begins, which stands before the expression and behind how links are taken."""
    if call.program == "fd":
        call.look_at(word for word in call.args if word.text.startswith(("/", "~", "..", "-")))
    starts: list[Word] = []
    for word in call.args:
        if word.text.startswith(("-", "(", ")", "!")) and (starts or word.text not in {"-L", "-H", "-P"}):
            break
        if not word.text.startswith("-"):
            starts.append(word)
    return starts


def find(call: Call) -> None:
    """find: reading names, unless it deletes, writes a list, or runs a program for each."""
    if not call.clear():
        return
    words, starts = list(call.args), _starts(call)
    call.read(starts, "search", content=False)
    if not starts:
        call.add("search", ".", "find")
    index = 0
    while index < len(words):
        text = words[index].text
        if call.program == "fd" and re.match(r"-[a-zA-Z]*[xX].|-[a-zA-Z]+[xX]|--exec(?:-batch)?=", text):
            call.unknown("It starts a program for each name.")
        if text in {"-exec", "-execdir", "-ok", "-okdir", "-x", "-X", "--exec", "--exec-batch"}:
            end = next((i for i in range(index + 1, len(words)) if words[i].text in {";", "+"}), len(words))
            inner = words[index + 1 : end]
            # Which names take the place of {} is only known at run time, so a program that changes its operands
            # becomes unknown; one that prints them may print a secret that no rule saw.
            call.run([Word(part.text, literal="{}" not in part.text) for part in inner])
            index = end
        elif text == "-delete":
            call.write(starts or [Word(".")], "file.delete")
        elif text.startswith(("-fprint", "-fls")):
            call.write(words[index + 1 : index + 2])
        elif text.startswith("-files0-from"):
            call.unknown("It takes its starting points from a file.")
        index += 1


_OUTPUT_VALUED = {"sort": "-o -k -t -S -T", "shuf": "-o -n -i", "uniq": "-f -s -w", "xxd": "-c -s -l -g"}


def read_maybe_write(call: Call) -> None:
    """sort, shuf, uniq and xxd: readers with a way to name an output file."""
    if not call.clear():
        return
    given = arguments(call.args, names(_OUTPUT_VALUED[call.program]))
    # sort accepts any unambiguous beginning of a long option.
    if any(name.startswith(("--o", "--com", "--files0", "--t")) for name, _ in given.options):
        call.unknown("An option names a file or a program.")
    call.write(given.values("-o", "-T"))
    if call.program in {"uniq", "xxd"} and len(given.rest) > 1:
        call.write(given.rest[1:])
        _read_rest(call, given.rest[:1])
        return
    _read_rest(call, given.rest)


def sed(call: Call) -> None:
    """sed prints, edits in place with -i, and can write files and run programs from inside its script."""
    if not call.clear():
        return
    given = arguments(call.args, frozenset({"-e", "-f", "-l", "--expression", "--file", "--line-length"}))
    scripts = given.values("-e", "--expression")
    if given.has("-f", "--file"):
        call.unknown("The script of sed is in a file.")
    files = given.rest if scripts or given.has("-f", "--file") else given.rest[1:]
    if any(not _SED_SAFE.fullmatch(script.text) for script in scripts or given.rest[:1]):
        call.unknown("This script of sed may write a file or run a program.")
    if any(name in {"-i", "-I"} or name.startswith("--i") for name, _ in given.options):
        call.write(files)
    else:
        _read_rest(call, files)


def awk(call: Call) -> None:
    """awk reads, but its program can run others and write files; only one that plainly does not is free."""
    if not call.clear():
        return
    given = arguments(call.args, frozenset({"-F", "-v", "-f", "--field-separator", "--assign", "--file"}))
    if any(name not in {"-F", "-v", "--field-separator", "--assign"} for name, _ in given.options) or not given.rest:
        call.unknown("The program that awk runs cannot be read here.")
        return
    if _AWK_ACTS.search(given.rest[0].text):
        call.unknown("This awk program may run others or write files.")
    _read_rest(call, given.rest[1:])


def print_environment(call: Call) -> None:
    """Print every variable, secrets among them."""
    call.add("secret.read", "environment", "It prints variables, secrets among them.")


def processes(call: Call) -> None:
    """List processes. ``ps e`` prints the variables each was started with."""
    if call.program == "ps" and any(not word.text.startswith("-") and "e" in word.text for word in call.args):
        call.add("secret.read", "environment", "ps e prints the variables of processes.")
    if call.program == "ps" and any(re.match(r"-[a-zA-Z]*E", word.text) for word in call.args):
        call.add("secret.read", "environment", "ps -E prints the variables of processes on some machines.")
    call.add("read", call.program)


def shell_options(call: Call) -> None:
    """``set`` alone prints every variable; ``shopt`` changes what wildcards match."""
    if call.program == "set" and not call.args:
        print_environment(call)
    elif call.program == "set" and all(
        re.fullmatch(r"[-+][euxo]+|pipefail|errexit|nounset|xtrace", word.text) for word in call.args
    ):
        call.add("read", "set")
    else:
        call.unknown("It changes how the shell reads what follows.")


_WRITE_VALUED = {"mkdir": "-m --mode", "touch": "-d -t -r --date --reference", "truncate": "-s -r --size --reference"}


def write_all(call: Call) -> None:
    """Programs whose every operand is changed."""
    if not call.clear():
        return
    given = arguments(call.args, names(_WRITE_VALUED.get(call.program, "")))
    if call.program == "patch":
        call.unknown("Which files a patch changes is not seen from the command.")
    call.write(given.rest)
    if not given.rest:
        call.add("read", call.program)


def change_mode(call: Call) -> None:
    """chmod and its like: the first operand is the mode or owner."""
    if call.clear():
        given = arguments(call.args)
        if any(name == "-R" or name.startswith("--r") for name, _ in given.options):
            call.unknown("It changes everything below a directory.")
        call.write([word for word in given.rest[1:] if not word.text.startswith("+")] or given.rest)


def copy(call: Call) -> None:
    """cp, mv, ln, install: what is read, what is written, and for mv what goes away."""
    if not call.clear():
        return
    given = arguments(call.args, frozenset({"-t", "--target-directory", "-S", "--suffix", "-m", "-o", "-g", "--mode"}))
    targets = given.values("-t", "--target-directory")
    sources = given.rest if targets else given.rest[:-1]
    targets = targets or given.rest[-1:]
    if any(name.startswith(("--t", "--strip-p")) and name != "--target-directory" for name, _ in given.options):
        call.unknown("An option may name another target, or a program.")
    if any(name.startswith("--pa") for name, _ in given.options):
        call.unknown("With their directories the files may go to any place below the target.")
    if len(given.rest) < 2 and not given.values("-t", "--target-directory"):
        call.unknown("It does not name both a source and a target.")
    links = any(name in {"-s", "-l"} or name.startswith(("--sy", "--l")) for name, _ in given.options)
    if call.program == "ln" or (call.program == "cp" and links):
        # A link is a second name for its target: whatever leads out leads out through it, and what has a meaning of
        # its own may be changed under a name that has none.
        call.read(sources)
        call.write([word for word in sources if word.literal and special(word.text) != "edit.file"])
    elif call.program == "mv":
        call.write(sources)
    else:
        call.read(sources)
    call.write(targets)
    # Into a directory the file keeps its own name: `cp ci.yml .github/workflows` is covered by the directory,
    # `cp x/Dockerfile .` only by the name.
    for target in targets:
        for source in sources:
            if source.literal and target.literal and not source.glob:
                name = source.text.rstrip("/").rpartition("/")[2]
                call.write([Word(f"{target.text.rstrip('/') or '/'}/{name}")])


def delete(call: Call) -> None:
    """rm and its like."""
    if not call.clear():
        call.add("file.delete", "what is not written out")
    else:
        given = arguments(call.args)
        if not given.rest:
            call.unknown("It names nothing to delete.")
        call.write(given.rest, "file.delete")
