"""The command lines of Git hosts: pull requests, and every other call that changes something there.

The tables: verbs that only read (``_GH_READS``), options that take a value (``_GH_VALUED``), and what changing a group
of things is (``_KINDS``). A group or verb in none of them is ``unknown``, an alias or an extension among them.
"""

from approvals.rules.classify.call import Arguments, Call, Word, arguments, kinds_of, names
from approvals.rules.classify.git_push import SWITCHES

_GH_READS = frozenset({"list", "view", "diff", "status", "checks", "watch", "download", "search"})
_GH_VALUED = names(
    """
    -R --repo -X --method -f -F --field --raw-field --input -H --header -q --jq -t --template
    --cache -p --preview --hostname -b --body -B --base -T --title -l --label -a --assignee -r
    --reviewer --body-file --head -L --limit -s --state --json -D --dir -O --output
    """
)
_KINDS = kinds_of(
    {
        # An alias or a setting of gh is a program that a later, harmless-looking call of gh starts.
        "access.change": "secret variable ssh-key gpg-key auth ruleset repo alias config",
        "ci.change": "workflow run cache",
        "package.publish": "release",
        "dependency.change": "extension",
    }
)


def github(call: Call) -> None:
    """gh: read the verb, then whether it reads or changes."""
    if not call.clear():
        return
    given = arguments(call.args, _GH_VALUED)
    words = [word.text for word in given.rest]
    group, verb = ([*words, "", ""])[:2]
    host = (given.values("--hostname") or [Word("github.com")])[0].text
    for word in given.values("--body-file", "--input", "-F"):
        call.touch(Word(word.text.rpartition("@")[2]))
    # Only downloading reads -D and -O as a place; elsewhere a word too many is looked at, which does no harm.
    call.write(given.values("-D", "--dir", "-O", "--output"))
    if group == "repo" and verb == "clone":
        call.look_at(given.rest[3:])
    if group == "api":
        _api(call, given, host)
    elif group == "pr" and verb in {"create", "checkout", "merge", "review"}:
        _pull_request(call, given, host, words[2] if len(words) > 2 else "")
    elif group == "auth" and (verb == "token" or given.has("--show-token", "-t")):
        call.add("secret.read", "gh auth token")
    elif group in {"", "--version", "version", "help", "completion"} or (group == "auth" and verb == "status"):
        call.add("read", "gh")
    elif verb in _GH_READS or group in {"search", "status", "browse"} or (group, verb) == ("repo", "clone"):
        call.add("network.fetch", host, host=host)
    elif group in _KINDS:
        call.add(_KINDS[group], f"gh {group}", host=host)
    elif group in {"pr", "issue", "gist", "project", "label", "discussion"}:
        call.add("network.write", f"gh {group} {verb}", host=host)
    else:
        call.unknown(f"gh {group} {verb} is not known.")
    if given.has("-R", "--repo") and verb not in _GH_READS:
        call.unknown("It changes a repository that is named in the command.")


def _pull_request(call: Call, given: Arguments, host: str, which: str) -> None:
    verb = given.rest[1].text
    if verb == "create":
        call.add("pr.draft" if given.has("--draft", "-d") else "pr.open", "pull request", host=host)
    elif verb == "checkout":
        call.add("network.fetch", which or "pull request", host=host)
        call.add("edit.file", "working copy", SWITCHES)
    elif verb == "merge" or given.has("-a", "--approve"):
        call.add("pr.merge", which or "pull request", host=host)
    else:
        call.add("network.write", "gh pr review", host=host)


def _api(call: Call, given: Arguments, host: str) -> None:
    methods = [word.text.upper() for word in given.values("-X", "--method")]
    sends = given.has("-f", "-F", "--field", "--raw-field", "--input")
    if any(method not in {"GET", "HEAD"} for method in methods) or (sends and not methods):
        path = given.rest[1].text if len(given.rest) > 1 else "api"
        call.add("network.write", path, "It changes something on the host.", host=host)
        if path.rstrip("/").endswith("/merge"):
            call.add("pr.merge", path, host=host)
        # Through the API everything can be done that a rule for a subcommand would have caught.
        call.unknown("Which right this call to the host uses is not told by its address.")
    else:
        call.add("network.fetch", given.rest[1].text if len(given.rest) > 1 else host, host=host)


def gitlab(call: Call) -> None:
    """glab: merge requests; everything else that is not plainly a listing is unknown."""
    if not call.clear():
        return
    words = [word.text for word in call.args if not word.text.startswith("-")]
    group, verb = ([*words, "", ""])[:2]
    if group == "mr" and verb == "create":
        draft = any(word.text in {"--draft", "--wip"} for word in call.args)
        call.add("pr.draft" if draft else "pr.open", "merge request")
    elif group == "mr" and verb in {"merge", "accept", "approve"}:
        call.add("pr.merge", "merge request")
    elif verb in {"list", "view", "diff", "status"}:
        call.add("network.fetch", "gitlab")
    else:
        call.unknown(f"glab {group} {verb} is not known.")
