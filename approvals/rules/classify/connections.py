"""Programs that open a connection over which anything can be sent, and what they run on this machine meanwhile.

The tables: by program the options that take a value (``_VALUED``), those that change nothing about what runs
(``_PLAIN``), those whose value is a command run here (``_COMMAND``), and settings of ssh that run nothing
(``_SETTING``). With an option outside them the call is ``unknown``.
"""

import re
from collections.abc import Mapping

from approvals.rules.classify.call import Arguments, Call, Word, arguments, names

_SSH = "-b -c -D -E -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w -B -e -P"
_COPY = "-c -D -F -i -J -l -o -P -S -X -B -b -R -s"
_NETCAT = (
    "-p -s -w -i -q -x -X -O -I -T -m -g -G -P -V -M -e -c -o -d --exec --sh-exec --lua-exec --wait --source --proxy"
)
_VALUED: Mapping[str, frozenset[str]] = {
    "ssh": names(_SSH),
    "scp": names(_COPY) - {"-B", "-s", "-R", "-b"},
    "sftp": names(_COPY),
    "rsync": names(
        "-e -f -B -T -M --rsh --rsync-path --exclude --include --exclude-from --include-from --files-from --filter"
        " --bwlimit --timeout --port --out-format --log-file --max-size --min-size --compare-dest --link-dest --chmod"
        " --password-file --partial-dir --temp-dir --backup-dir --suffix --info --debug --compress-level --block-size"
    ),
    "nc": names(_NETCAT),
    "netcat": names(_NETCAT),
    "ncat": names(_NETCAT),
    "telnet": names("-l -b"),
    "mail": names("-s -c -b -r -a -A"),
    "sendmail": names("-f -F"),
}
_PLAIN: Mapping[str, frozenset[str]] = {
    "ssh": names(
        "-4 -6 -A -a -C -f -g -G -K -k -M -N -n -q -T -t -V -v -X -x -Y -y -c -i -J -l -m -p -b -L -R -D -W -Q -o"
    ),
    "scp": names("-1 -2 -3 -4 -6 -A -B -C -O -p -q -r -R -s -T -v -c -i -J -l -P -o"),
    "sftp": names("-4 -6 -A -a -C -f -N -p -q -r -v -c -i -J -l -P -o -B -R"),
    "rsync": names(
        "-a -v -q -r -l -p -t -g -o -D -z -n -u -c -P -h -i -H -A -X -S -W -x -L -k -K -O -J -m -C -R -b -d -I -y"
        " -0 -4 -6 -e -B --archive --verbose --quiet --recursive --compress --dry-run --update --checksum --progress"
        " --partial --human-readable --itemize-changes --stats --delete --delete-after --delete-before --delete-during"
        " --delete-excluded --exclude --include --bwlimit --timeout --port --times --perms --links --copy-links"
        " --ignore-existing --size-only --whole-file --inplace --numeric-ids --no-owner --no-group --no-perms --rsh"
        " --prune-empty-dirs --info --max-size --min-size --chmod --list-only --version --help --mkpath --relative"
    ),
    "nc": names("-4 -6 -C -D -d -h -k -l -N -n -r -S -t -u -v -z -p -s -w -i -q -x -X -O -I -T"),
    "telnet": names("-4 -6 -8 -E -K -L -a -d -l -b"),
    "ftp": names("-4 -6 -a -d -g -i -n -p -v"),
    "mail": names("-s -c -b -r -a -A -v -n"),
    "sendmail": names("-f -F -t -i -v"),
}
_COMMAND = names("-e -c --rsh --exec --sh-exec")
_SETTING = re.compile(
    r"(?:StrictHostKeyChecking|ConnectTimeout|ConnectionAttempts|BatchMode|LogLevel|ServerAlive(?:Interval|CountMax)|User"
    r"|Port|IdentitiesOnly|AddressFamily|Compression|TCPKeepAlive|PasswordAuthentication|PubkeyAuthentication"
    r"|PreferredAuthentications|UserKnownHostsFile|GlobalKnownHostsFile|IdentityFile|HostName|RequestTTY|ForwardAgent"
    r"|CheckHostIP|HashKnownHosts|UpdateHostKeys|VisualHostKey|ExitOnForwardFailure)[\s=]+[^\s;|&`$()]+",
    re.IGNORECASE,
)
_SETTING_COMMAND = re.compile(r"\s*(?:Proxy|Local|KnownHosts)Command[\s=]+(.*)", re.IGNORECASE | re.DOTALL)
_SOCAT = re.compile(r"-|stdio|stdin|stdout|(?:tcp|udp|ssl|openssl)[46]?(?:-connect)?:[\w.-]+:\d+", re.IGNORECASE)
_REMOTE = re.compile(r"[^/]*:")


def connect(call: Call) -> None:
    """Say what is sent where, what is run here for it, and that nothing is known of what runs at the other end."""
    call.look_at(call.args)
    program = "nc" if call.program in {"netcat", "ncat"} else call.program
    valued = _VALUED.get(call.program, frozenset())
    given = arguments(call.args, valued)
    call.clear()
    for name, value in given.options:
        if name == "-o" and program in {"ssh", "scp", "sftp"} and value is not None:
            _setting(call, value)
        elif name in _COMMAND & valued and value is not None and program in {"nc", "rsync"}:
            _command(call, value)
        elif name not in _PLAIN.get(program, frozenset()):
            call.unknown(f"{call.program} {name} can run a program here or take what it does from a file.")
    if program == "ssh" and len(given.rest) > 1:
        call.unknown("What runs on the other machine is not judged.")
    if program == "socat" and any(not _SOCAT.fullmatch(word.text) for word in call.args):
        call.unknown("An address of socat can run a program or open a file.")
    if program in {"scp", "rsync"}:
        _files(call, given)
    target = given.rest[0].text if given.rest else call.program
    call.add("network.write", target, f"{call.program} can send anything.")


def _setting(call: Call, value: Word) -> None:
    if not value.literal or _SETTING.fullmatch(value.text.strip()):
        return
    if command := _SETTING_COMMAND.fullmatch(value.text):
        _command(call, Word(command[1]))
    call.unknown(f"The setting {value.text} of ssh can run a program here.")


def _command(call: Call, value: Word) -> None:
    """Read a command that this machine runs; `rsync -e ssh` runs nothing but the connection itself."""
    if value.literal:
        call.script(value.text)
    if value.text.split(" ")[0] != "ssh":
        call.unknown(f"{call.program} starts {value.text} on this machine.")


def _files(call: Call, given: Arguments) -> None:
    """Of what is copied the last is written and the others are read, as far as they lie here."""
    here = [not _REMOTE.match(word.text) for word in given.rest]
    call.read([word for word, local in zip(given.rest[:-1], here[:-1], strict=True) if local and word.literal])
    if len(given.rest) > 1 and here[-1] and given.rest[-1].literal:
        call.write(given.rest[-1:])
        if any(name.startswith("--del") for name, _ in given.options):
            call.write(given.rest[-1:], "file.delete")
