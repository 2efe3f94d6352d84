"""The command lines of Git hosts: pull requests, and every other call that changes something there."""

from approvals.rules.classify.call import Arguments, Call, Word, arguments, kinds_of, names

_GH_READS = frozenset({"list", "view", "diff", "status", "checks", "watch", "download", "search"})
_GH_VALUED = names(
    """
    -R --repo -X --method -f -F --field --raw-field --input -H --header -q --jq -t --template
    --cache -p --preview --hostname -b --body -B --base -T --title -l --label -a --assignee -r
    --reviewer --body-file --head -L --limit -s --state --json
    """
)
_KINDS = kinds_of(
    {
        "access.change": "secret variable ssh-key gpg-key auth ruleset repo",
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
    if group == "api":
        _api(call, given, host)
    elif group == "pr" and verb == "create":
        draft = given.has("--draft", "-d")
        call.add("pr.draft" if draft else "pr.open", "pull request", host=host)
    elif group == "pr" and (verb == "merge" or (verb == "review" and given.has("-a", "--approve"))):
        call.add("pr.merge", words[2] if len(words) > 2 else "pull request", host=host)
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
        call.add("network.fetch", host, host=host)


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
