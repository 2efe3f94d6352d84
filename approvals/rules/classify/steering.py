"""Options with which a program that is known runs, loads or follows something else: with one, it is not understood.

The tables: such options by program (``_LOADS``), such words of compilers by pattern (``_WORDS``), and the values that
change nothing (``_HARMLESS``; ``_DEFAULT_FILE``, which the program would have read by itself). In ``_LOADS``
``--long`` also stands for ``--lon`` and ``--long=x``, ``-x`` also for ``-vx``, ``-word`` for itself alone. A mark at
the end says more: ``/`` only a value that is not a plain name counts (``--reporter dot`` chooses one that is
installed), ``!`` it counts without a value, ``*`` it is the beginning of a word.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from approvals.rules.classify.call import Call, Word

_ROWS: tuple[tuple[str, str], ...] = (
    # tests
    ("pytest py.test", "-p -c -o --override-ini --config-file --pdbcls --pastebin --tx --cov-config @*"),
    ("jest", """-c --config --globalSetup --globalTeardown --setupFiles --setupFilesAfterEnv --runner/ --testRunner/
     --reporters/ --transform --resolver --testEnvironment/ --preset/ --snapshotSerializers --filter --prettierPath
     --testSequencer --dependencyExtractor --watchPlugins --testResultsProcessor --projects --rootDir --roots"""),
    ("vitest", """-c --config --workspace --globalSetup --reporter/ --environment/ --pool/ --typecheck.checker/
     --browser.provider/ --diff"""),
    ("mocha", """-r --require --config --package --file --reporter/ -R/ --ui/ -u/ --import --loader
     --experimental-loader"""),
    ("rspec", "-r --require -O --options --format/ -f/"),
    ("phpunit", "--bootstrap -c --configuration -d --extension --printer --loader --include-path --prepend"),
    ("coverage", "--rcfile --debug-file"),
    ("ctest", "-S* -D* -T* -M* --script* --dashboard --build-and-test! --submit-index"),
    ("karma", "--plugins"),
    ("ava", "--config --require"),
    ("playwright", "-c --config --reporter/"),
    ("cypress", "-C -c -P --config --config-file --project --reporter/"),
    ("bats", "-F/ --formatter/ --report-formatter/ --setup-suite-file"),
    ("gotestsum", "--raw-command! --post-run-command"),
    ("nextest", "--config-file --tool-config-file --config"),
    ("tox", "-c --conf -x --override --discover --workdir --root exec! devenv!"),
    ("nox", "-f --noxfile"),
    # linters
    ("flake8", "--config --append-config"),
    ("pylint", "--load-plugins --rcfile --init-hook"),
    ("mypy", "--config-file --python-executable --install-types! --custom-typing-module --shadow-file"),
    ("pyright", "--pythonpath"),
    ("eslint", "-c --config --rulesdir --plugin/ --resolve-plugins-relative-to --parser/ -f/ --format/ --init!"),
    ("prettier", "--plugin/ --plugin-search-dir --config --parser/"),
    ("stylelint", "-c --config --config-basedir --custom-syntax/ --custom-formatter -f/ --formatter/"),
    ("tslint", "-r -c -s --rules-dir --config --formatters-dir"),
    ("golangci-lint", "-c --config custom!"),
    ("rubocop", "-r -c -f/ --require --config --plugin --format/ --server! --start-server!"),
    ("clang-tidy", "-load* --load* --extra-arg* -extra-arg* --vfsoverlay"),
    ("cppcheck", "--addon/ --addon-python --clang --project"),
    ("markdownlint", "-r -c --rules --config"),
    ("actionlint", "-shellcheck -pyflakes --shellcheck --pyflakes"),
    ("ktlint", "-R --ruleset --reporter/"),
    # builds
    ("rustc clippy-driver", "-C -Z --codegen --sysroot --extern -L @*"),
    ("webpack", "-c -r --config --require --config-registration --plugin"),
    ("rollup", "-c -p/ --config --plugin/ --configPlugin"),
    ("vite", "-c --config"),
    ("ninja", "-f"),
    ("mvn", "--settings --global-settings --toolchains --global-toolchains"),
    ("gradle", "--build-file --settings-file --include-build --init-script"),
    ("meson", "--native-file --cross-file --wrapper --wrap --gdb-path devenv!"),
    ("sphinx-build", "-D -c --define --conf-dir"),
    ("mkdocs", "-f --config-file"),
    # runners of a project's tasks, and what they hand on to a script that is one of the tools above
    ("invoke", "-c -r --collection --search-root"),
    ("task", "-g! --global!"),
    ("bun", "-r -c"),
    ("npm pnpm yarn bun", """--config --require --import --loader --preload --plugin/ --rulesdir --globalSetup
     --setupFiles --setupFilesAfterEnv --script-shell --node-options"""),
    ("node deno", """-r -e -p -C -A! --require --import --eval --print --loader --experimental-loader --env-file
     --env-file-if-exists --test-reporter/ --test-global-setup --openssl-config --conditions --preload --import-map
     --allow-run! --allow-all! --allow-ffi! --allow-net! --allow-env! --allow-write! --allow-read! --allow-sys!
     --config"""),
    ("swift", "-Xcc! -Xlinker! -Xswiftc! -Xcxx! -Xmanifest! --toolset --swift-sdk --sdk --toolchain"),
    ("mix", "-r --require"),
    ("apt apt-get", "-o -c --option --config-file"),
    ("dnf yum", "-c --setopt --config"),
)  # fmt: skip
_LOADS: Mapping[str, tuple[str, ...]] = {
    program: tuple(option for row, options in _ROWS if program in row.split() for option in options.split())
    for programs, _ in _ROWS
    for program in programs.split()
}
# The few that do not begin with a dash, so that ordinary words are compared with nothing.
_BARE: Mapping[str, tuple[str, ...]] = {
    program: tuple(option for option in options if not option.startswith("-")) for program, options in _LOADS.items()
}
# -B, -specs, -wrapper, -fplugin and their long names choose the programs that a compiler starts or loads.
_GCC = re.compile(
    r"-wrapper|-B.*|--?specs.*|-f(?:pass-)?plugin.*|-fuse-ld=(?!(?:bfd|gold|lld|mold)$).*|-fmodule-mapper.*|-load.*|@.*"
    r"|-X(?:clang|linker|assembler|preprocessor).*|-W[alp],.*(?:plugin|@|script|-o|-I|dynamic-linker).*|-ccc.*"
    r"|--(?:ld-path|config|prefix|for-|wrapper|assembler|linker|preprocessor|gcc-toolchain|plugin).*",
    re.DOTALL,
)
_WORDS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("gcc", "g++", "cc", "clang", "clang-tidy"), _GCC),
    "protoc": re.compile(r"--plugin.*|@.*", re.DOTALL),
    "javac": re.compile(r"-J.*|--?processor.*|-Xplugin.*|@.*", re.DOTALL),
    "gotestsum": re.compile(r"--?(?:exec|toolexec|vettool|overlay|modfile|ldflags|compiler)\b.*", re.DOTALL),
    "dotnet": re.compile(
        r"[-/]{1,2}(?:p|property)[:=](?!(?:Configuration|Platform|Version|DebugType|TreatWarningsAsErrors|CollectCoverage"
        r"|CoverletOutputFormat)=[\w.-]*$).*|[-/]{1,2}(?:l|logger|dl|distributedlogger):.*|-s|--settings.*"
        r"|--test-adapter-path.*|@.*",
        re.IGNORECASE | re.DOTALL,
    ),
    # A JVM that is told to load an agent or other classes, or that is another program.
    **dict.fromkeys(
        ("mvn", "gradle", "sbt"),
        re.compile(r"-.*(?:agent|jvm|java\.home|class\.?path|ext\.dirs).*", re.IGNORECASE | re.DOTALL),
    ),
}
_HARMLESS: Mapping[str, re.Pattern[str]] = {
    "pytest": re.compile(r"no:[\w.]+|log_\w+=.*|addopts=|xdist|cov|pytest_cov|randomly"),
    "rustc": re.compile(
        r"(?:opt-level|debuginfo|debug-assertions|panic|lto|codegen-units|overflow-checks|target-cpu|strip|metadata"
        r"|extra-filename|instrument-coverage)(?:=[\w.-]*)?"
    ),
    "sphinx-build": re.compile(r"(?:language|version|release|html_theme|nitpicky)=[\w.-]*"),
}
_ALIASES = {"py.test": "pytest", "clippy-driver": "rustc", "gradlew": "gradle", "mvnw": "mvn", "./gradlew": "gradle"}
_DEFAULT_FILE = re.compile(
    r"(?:\./)?(?:pyproject\.toml|setup\.cfg|tox\.ini|pytest\.ini|\.?mypy\.ini|\.?pylintrc|\.flake8|mkdocs\.yml|build\.ninja"
    r"|(?:jest|vitest|vite|eslint|webpack|rollup|playwright|cypress|karma|prettier|stylelint|ava)\.config\.[mc]?[jt]s"
    r"|\.(?:eslint|prettier|stylelint|mocha)rc(?:\.\w+)?|\.rubocop\.yml|\.golangci\.(?:ya?ml|toml)|noxfile\.py"
    r"|\.markdownlint\.(?:jsonc?|ya?ml)|phpunit\.xml(?:\.dist)?|deno\.jsonc?)"
)
_PLAIN_NAME = re.compile(r"[\w@:,-]+")
# Options whose value is a text of its own: letters in it are no options.
_GLUED: Mapping[str, tuple[str, ...]] = {"pytest": ("-k", "-m", "-r", "-n", "-W")}


def refuse_steering(call: Call, program: str = "", args: Sequence[Word] | None = None) -> None:
    """Say of each word that makes the program run, load or follow something else that it is not understood."""
    name = program or call.program
    name = _ALIASES.get(name, name)
    words = [word.text for word in (call.args if args is None else args)]
    pattern = _WORDS.get(name)
    for index, text in enumerate(words):
        if pattern is not None and pattern.fullmatch(text):
            call.unknown(f"{name} {text} makes it run or load something else.")
        for value in _values(name, text, words[index + 1] if index + 1 < len(words) else ""):
            if not _DEFAULT_FILE.fullmatch(value) and not (name in _HARMLESS and _HARMLESS[name].fullmatch(value)):
                call.unknown(f"{name} {text} makes it run, load or follow something else.")


def _values(program: str, text: str, following: str) -> Iterator[str]:
    """The value of each option of the table that the word is; "!" for one that counts without a value."""
    options = (_LOADS if text.startswith("-") else _BARE).get(program, ())
    said = text.partition("=")[0]
    # What is written out whole is not the beginning of another option.
    whole = [option for option in options if text.startswith("--") and option.rstrip("/!") == said]
    for option in whole or options:
        mark = option[-1] if option[-1] in "/!*" else ""
        value = _value(program, option.rstrip("/!*"), text, following, beginning=mark == "*")
        if value is None or (mark == "/" and _PLAIN_NAME.fullmatch(value)):
            continue
        if value or mark in {"!", "*"}:
            yield value or "!"


def _value(program: str, option: str, text: str, following: str, *, beginning: bool) -> str | None:
    """What the word gives to this option, empty when nothing; None when it is another word."""
    if beginning:
        return text if text.startswith(option) else None
    after = "" if following.startswith("-") else following
    name, equals, value = text.partition("=")
    if text == option:
        return after
    if option.startswith("--"):
        # Any unambiguous beginning of a long option is taken by many, and --globalSetup is --global-setup.
        plain, said = (each.replace("-", "").lower() for each in (option, name))
        if name.startswith("--") and (plain == said or (len(said) > 4 and plain.startswith(said))):
            return value if equals else after
        return None
    if len(option) > 2 or not option.startswith("-"):
        return value if equals and name == option else None
    if text.startswith(_GLUED.get(program, ())):
        return None
    found = re.match(rf"-[A-Za-z]*?{re.escape(option[1])}=?", text)
    if found is None:
        return None
    return text[found.end() :] or after
