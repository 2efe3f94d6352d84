"""The table of programs that are understood: which reader says what each of them does.

A program that is not here is ``unknown``. The organisation teaches the portal its own programs without touching this
file, with actions of its own in the catalogue; those are asked only for programs that are not here. To teach every
portal a program, add it to the row that fits, or write a reader: a function that takes a ``Call`` and adds actions.
"""

import re
from collections.abc import Callable, Mapping

from approvals.rules.classify import (
    connections,
    databases,
    files,
    git,
    hosts,
    infrastructure,
    languages,
    network,
    packages,
    wrappers,
)
from approvals.rules.classify.call import Call
from registry.rules.catalogue import Catalogue
from registry.rules.commands import shortened

Reader = Callable[[Call], None]

_ROWS: tuple[tuple[str, Reader], ...] = (
    # reading
    ("cat head tail nl tac rev cut paste comm cmp diff wc strings od hexdump md5sum sha1sum sha256sum shasum cksum",
     files.read_content),
    ("column fold fmt expand unexpand tsort base32 base64 bat jq zcat zless more less look iconv",
     files.read_content),
    ("ls dir stat du df file realpath readlink basename dirname test [ tree which type whereis", files.read_names),
    (("echo printf true false : sleep seq pwd whoami id uname date hostname nproc arch tty wait exit return break "
     "continue shift jobs uptime cal tput clear expr sync read mapfile readarray getopts let popd dirs help"),
     files.say),
    ("tr yes", files.say),
    ("grep egrep fgrep rg ag ack zgrep", files.search),
    ("find fd", files.find),
    ("tshark", files.capture),
    ("sort shuf uniq xxd", files.read_maybe_write),
    ("sed gsed", files.sed),
    ("awk gawk mawk nawk", files.awk),
    ("printenv", files.print_environment),
    ("ps top pgrep lsof free vmstat", files.processes),
    ("set shopt", files.shell_options),
    # changing files
    ("touch mkdir truncate tee patch", files.write_all),
    ("chmod chown chgrp chattr setfacl", files.change_mode),
    ("cp mv ln install", files.copy),
    ("rm rmdir unlink shred trash", files.delete),
    # programs that start others
    ("sudo doas su", wrappers.raised),
    ("env", wrappers.env),
    ("time nohup setsid nice ionice timeout gtimeout stdbuf chronic caffeinate command builtin exec watch !",
     wrappers.plain),
    ("xargs", wrappers.xargs),
    ("sh bash zsh dash ksh ash fish", wrappers.shell),
    ("eval", wrappers.evaluate),
    ("trap", wrappers.trap),
    # version control and its hosts
    ("git", git.read),
    ("gh", hosts.github),
    ("glab", hosts.gitlab),
    # tests, linters, builds, packages
    ("pytest py.test tox nox jest vitest mocha rspec phpunit ctest karma ava playwright cypress bats gotestsum nextest",
     packages.tests),
    (("ruff flake8 pylint mypy pyright black isort bandit eslint prettier stylelint biome tslint shellcheck shfmt "
     "gofmt goimports golangci-lint staticcheck rubocop clippy-driver rustfmt hadolint yamllint "
     "djlint codespell swiftlint ktlint clang-format clang-tidy cppcheck checkstyle vulture "
     "markdownlint actionlint"), packages.linters),
    ("tsc webpack rollup esbuild vite gcc g++ clang cc javac rustc ninja meson sphinx-build mkdocs protoc",
     packages.builds),
    ("make gmake just task rake invoke", packages.task_runner),
    ("mise", packages.mise),
    ("npm pnpm yarn bun", packages.node),
    ("npx bunx pnpx", packages.npx),
    ("uv poetry pipenv pdm hatch rye", packages.python_project),
    ("uvx pipx", packages.fetched_tool),
    ("pip pip3 easy_install conda mamba gem composer bundle brew apt apt-get apk dnf yum pacman snap cabal",
     packages.installer),
    ("python python3", languages.python),
    ("node nodejs deno", languages.node_program),
    ("go", languages.go),
    ("cargo", languages.cargo),
    ("twine", packages.publish),
    ("mvn gradle ./gradlew ./mvnw gradlew mvnw sbt dotnet swift mix", languages.build_tool),
    # the network
    ("curl", network.curl),
    ("wget", network.wget),
    ("ssh scp sftp rsync nc ncat netcat telnet ftp socat mail sendmail", connections.connect),
    ("ping dig nslookup host traceroute whois", network.look_up),
    # databases
    ("psql", databases.psql),
    ("mysql mariadb", databases.mysql),
    ("sqlite3", databases.sqlite),
    ("redis-cli valkey-cli", databases.redis),
    (("pg_dump pg_dumpall pg_restore createdb dropdb createuser dropuser mysqldump mysqlimport mongodump mongoexport "
      "mongorestore mongoimport"), databases.whole),
    # infrastructure
    ("terraform tofu terragrunt pulumi cdk", infrastructure.terraform),
    ("kubectl oc helm", infrastructure.kubernetes),
    ("docker podman docker-compose", infrastructure.docker),
    ("aws gcloud az", infrastructure.cloud),
    ("heroku fly flyctl vercel netlify serverless sls ansible-playbook cap argocd eb railway", infrastructure.deploy),
    ("vault op pass security gpg sops chamber doppler secret-tool", infrastructure.secrets),
    ("systemctl service launchctl crontab at useradd usermod userdel passwd visudo iptables ufw mount umount",
     infrastructure.machine),
    ("kill pkill killall xkill shutdown reboot halt", infrastructure.kill),
)  # fmt: skip

PROGRAMS: Mapping[str, Reader] = {name: reader for names, reader in _ROWS for name in names.split()}

_PROGRAM_PLACES = re.compile(
    r"(?:/usr)?(?:/local)?/s?bin|/opt/homebrew/bin|(?:[\w./-]+/)?(?:\.?venv/bin|node_modules/\.bin)", re.ASCII
)


def program_reader(name: str) -> tuple[str, Reader]:
    """Return the program's plain name and its reader; a name that is not exactly one in the table is unknown."""
    reader = PROGRAMS.get(name)
    if reader is not None:
        return name, reader
    directory, slash, base = name.rpartition("/")
    if slash and base in PROGRAMS and _PROGRAM_PLACES.fullmatch(directory) and ".." not in directory:
        return base, PROGRAMS[base]
    return name, unlisted


def read_call(call: Call, reader: Reader, catalogue: Catalogue) -> tuple[str | None, ...]:
    """Add what a program with its words does and return the words, None for one only known when it runs.

    A program that the portal does not know may be an action of the organisation, if every word is written out.
    """
    words = (call.program, *(word.text if word.literal and not word.glob else None for word in call.args))
    own = catalogue.of_command(words) if reader is unlisted else None
    if own:
        call.add(own)
        call.look_at(call.args)
    else:
        reader(call)
    return shortened(words)


def unlisted(call: Call) -> None:
    """A program that is not in the table: nothing is known of it but the paths in its words."""
    call.unknown(f"{call.program} is not a program that the portal knows.")
    call.look_at(call.args)
