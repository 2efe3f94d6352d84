"""Programs that talk to other machines: to which host, and whether they send or fetch.

The tables: the options of curl that take a value (``_CURL_VALUED``), that send (``_CURL_SENDS``), that write files
(``_CURL_FILES``), and all that are followed (``_CURL_PLAIN``). An option outside them makes the call ``unknown``. Which
hosts an agent may reach is not said here but in its scope.
"""

import re

from approvals.rules.classify.call import Arguments, Call, Word, arguments, names

# Deliberately narrower than any URL parser: user names, escapes, backslashes and curl's own {a,b} ranges are read
# differently by different programs, so an address that holds them has no host that could be on a list.
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?(?:[/?#][^\\\s]*)?", re.IGNORECASE
)
_SCP = re.compile(r"(?:[\w.-]+@)?([a-z0-9][a-z0-9.-]*\.[a-z]{2,}):[^:]*", re.IGNORECASE)
_CURL_VALUED = names(
    """
    -A -b -c -C -d -D -e -E -F -H -h -K -m -o -P -Q -r -T -t -u -U -w -x -X -y -Y -z --data
    --data-raw --data-binary --data-ascii --data-urlencode --json --form --form-string --upload-file
    --request --output --header --user --url --config --proxy --max-time --connect-timeout --retry
    --retry-delay --user-agent --cookie --cookie-jar --cert --key --cacert --resolve --connect-to
    --unix-socket --abstract-unix-socket --interface --dump-header --write-out --referer
    --output-dir --range --max-redirs --doh-url --preproxy --netrc-file --trace --trace-ascii
    --stderr --variable --expand-url --expand-data --url-query --proxy-user --oauth2-bearer --socks5
    --socks5-hostname --dns-servers --engine --limit-rate
    """
)
_CURL_SENDS = ("-d", "-F", "-T", "--data", "--form", "--json", "--upload", "--expand-data", "-Q", "--quote")
_CURL_FILES = (
    "-o",
    "--output",
    "-c",
    "--cookie-jar",
    "-D",
    "--dump-header",
    "--trace",
    "--trace-ascii",
    "--stderr",
    "--output-dir",
)
_CURL_PLAIN = names(
    """
    -s -S -L -f -i -I -v -k -g -G -O -J -N -# -0 -1 -2 -3 -4 -6 -a -A -b -e -h -H -m -r -w -X -y -Y
    -z -u -n -d -F -T -o -c -D --silent --show-error --location --fail --fail-with-body --include
    --head --verbose --insecure --globoff --get --remote-name --remote-header-name --no-buffer
    --compressed --http1.1 --http2 --http3 --ipv4 --ipv6 --progress-bar --create-dirs --version
    --help --request --header --user-agent --max-time --connect-timeout --retry --retry-delay
    --retry-all-errors --write-out --referer --range --max-redirs --user --url --cookie
    --no-progress-meter --parallel --tlsv1.2 --proto --oauth2-bearer --limit-rate --data --data-raw
    --data-binary --data-ascii --data-urlencode --json --form --form-string --upload-file --output
    --cookie-jar --dump-header --output-dir --url-query
    """
)


def host_of(address: str) -> str | None:
    """Return the host, with its port if one is given, or None when two programs could disagree on it."""
    found = _URL.fullmatch(address) if "://" in address else _SCP.fullmatch(address)
    return (found[1] + (found[2] or "" if "://" in address else "")).lower() if found else None


def curl(call: Call) -> None:
    """curl: fetch, or send when any option says so; a file it writes or sends counts as well."""
    if not call.clear():
        call.add("network.fetch", "an address not written out")
        return
    given = arguments(call.args, _CURL_VALUED)
    names = {name for name, _ in given.options}
    methods = {word.text.upper() for word in given.values("-X", "--request")}
    sends = any(name.startswith(_CURL_SENDS) for name in names) or bool(methods - {"GET", "HEAD", "OPTIONS"})
    if names - _CURL_PLAIN:
        # curl takes any unambiguous beginning of a long option, and several of them decide where it connects.
        call.unknown(f"An option of curl is not followed ({', '.join(sorted(names - _CURL_PLAIN))}).")
    if any(word.text.lower().startswith(("host:", "@")) for word in given.values("-H", "--header")):
        call.unknown("A header names another host, or comes from a file.")
    if "-n" in names:
        call.add("secret.read", ".netrc", "It uses stored passwords.")
    _hidden_files(call, given)
    addresses = [*given.rest, *given.values("--url")]
    for word in addresses:
        _address(call, word.text, "network.write" if sends else "network.fetch")
    if not addresses:
        call.add("network.fetch", "no address") if not names & {"--version", "-h", "--help"} else call.add(
            "read", "curl"
        )
    for name, value in given.options:
        if value is None:
            continue
        if name in _CURL_FILES and value.text != "-":
            call.write([value])
        elif name.startswith(_CURL_SENDS) and (
            value.text[:1] == "@"
            or "=@" in value.text
            or "=<" in value.text
            or "@" in value.text
            or name in {"-T", "--upload-file"}
        ):
            call.read([Word(re.split(r"[@<]", value.text)[-1].partition(";")[0])])
    if names & {"-O", "--remote-name"}:
        call.write([Word(_last_part(word.text)) for word in addresses])


def _hidden_files(call: Call, given: Arguments) -> None:
    """Files that curl reads or writes through options that are not about files."""
    if any("@" in word.text for word in given.values("--url-query")) or any(
        word.text.startswith("@") or "%output{" in word.text for word in given.values("-w", "--write-out")
    ):
        call.unknown("curl takes what an option says from a file, or writes one.")
    call.read([word for word in given.values("-b", "--cookie") if "=" not in word.text])


def _last_part(address: str) -> str:
    return re.split(r"[?#]", address)[0].rstrip("/").rpartition("/")[2] or "."


def _address(call: Call, address: str, kind: str) -> None:
    scheme, found, rest = address.partition("://")
    if found and scheme.lower() == "file":
        call.read([Word("/" + rest.partition("/")[2])])
        return
    host = host_of(address if found else f"http://{address}")
    call.add(kind, address, host=host)


def wget(call: Call) -> None:
    """wget: saves to the working directory unless told otherwise."""
    if not call.clear():
        call.add("network.fetch", "an address not written out")
        return
    given = arguments(
        call.args,
        names(
            """
    -O -o -P -t -T -U -i -e --output-document --directory-prefix --method --post-data --post-file
    --body-data --body-file --header --tries --timeout
    """
        ),
    )
    plain = {
        "-O",
        "-q",
        "-P",
        "-t",
        "-T",
        "-U",
        "-c",
        "-N",
        "-S",
        "-v",
        "-n",
        "--quiet",
        "--output-document",
        "--directory-prefix",
        "--tries",
        "--timeout",
        "--header",
        "--continue",
        "--show-progress",
    }
    sending = {
        name for name, _ in given.options if name.startswith(("--post", "--body", "--method", "--p", "--b", "--m"))
    }
    sends = bool(sending)
    if {name for name, _ in given.options} - plain - sending:
        call.unknown("An option of wget is not followed.")
    call.read(given.values("--post-file", "--body-file"))
    for word in given.rest:
        _address(call, word.text, "network.write" if sends else "network.fetch")
    targets = given.values("-O", "--output-document", "-P", "--directory-prefix")
    if not (targets and targets[0].text == "-"):
        call.write(targets or [Word(_last_part(word.text)) for word in given.rest])
    if not given.rest:
        call.unknown("It names no address.")


def look_up(call: Call) -> None:
    """Name look-ups: a name can carry data out, so they count as fetching."""
    call.add("network.fetch", call.program, "A look-up reaches a server that others may own.")
