"""Programs that change machines, clusters and clouds, and in which environment as far as their words tell.

The tables: words that name an environment (``_PRODUCTION``, ``_STAGING``), verbs of the clouds that look
(``_CLOUD_READS``), verbs that change (``_CLOUD_CHANGES``), words that lead to secrets or to rights (``_SECRET_WORDS``,
``_RIGHTS_WORDS``). A verb in neither table counts as a change. The organisation adds its own tools in the catalogue.
"""

import re

from approvals.rules.classify.call import Call, Word, after_options, names
from approvals.rules.classify.paths import special

_PRODUCTION = re.compile(r"(?:^|[^a-z])(?:prod|production|prd|live)(?:[^a-z]|$)", re.IGNORECASE)
_STAGING = re.compile(
    r"(?:^|[^a-z])(?:staging|stage|stg|preprod|uat|qa|dev|test|sandbox|preview)(?:[^a-z]|$)", re.IGNORECASE
)
_CLOUD_READS = re.compile(r"(?:list|describe|show|get|head|ls|lookup|search|filter|wait|help|version)(?:-.*)?")
_SECRET_WORDS = re.compile(
    r"secret|password|token|credential|access-?key|get-parameter|print-access|keyvault|ssm|kms|sts|decrypt|login"
    r"|\bkeys list|presign|connection-string",
    re.IGNORECASE,
)
# Says only who is asking.
_WHO = re.compile(r"sts get-caller-identity(?: [\w-]+)?")
_RIGHTS_WORDS = re.compile(
    r"iam|role|roles|ad|policies|configure|update-kubeconfig|.*iam-policy.*|.*-permission|.*-acl"
)
_CLOUD_CHANGES = re.compile(
    r"(?:create|delete|put|update|set|add|remove|run|start|stop|terminate|deploy|apply|attach|detach|cp|mv|rm|sync)(?:-|$)"
)


def environment_of(call: Call) -> str | None:
    """Return the environment that the words of a call name, None when they name none."""
    words = " ".join(word.text for word in call.args)
    if _PRODUCTION.search(words):
        return "production"
    return "staging" if _STAGING.search(words) else None


_CLUSTER_VALUED = names("-n --namespace --context --kube-context")
_PLAIN = names("--version -version -v --help -help -h -chdir -D --debug -A --all-namespaces")
_BUILD_LEAVES = names("--push -o --output --ssh --secret --network --allow --builder")
_RENDERS_ELSEWHERE = ("--post-r", "--output-d", "--enable", "--load-r", "--helm-c")
# These name the program that is run, or settings that name one.
_RUNS = (
    "--tf-path",
    "--terragrunt-tf",
    "--app",
    "--kubeconfig",
    "--kube-config",
    "--hooks-dir",
    "--runtime",
    "--conmon",
)


def _verbs(call: Call, valued: frozenset[str] = frozenset(), words: list[Word] | None = None) -> list[str]:
    """The words that are no options, the verb first."""
    rest = after_options(call, call.args, valued, _PLAIN) if words is None else words
    return [word.text for word in rest if word.literal and not word.text.startswith("-")]


def _refuse_programs(call: Call) -> None:
    for word in call.args:
        if word.text.startswith(_RUNS):
            call.unknown(f"{word.text} names a program that is run, or settings that name one.")


def _change(call: Call, what: str) -> None:
    environment = environment_of(call)
    kind = "deploy.production" if environment == "production" else "infra.change"
    call.add(kind, what, "It changes what runs.", environment=environment)


def look(call: Call, what: str) -> None:
    """Add a look at a live system."""
    # A read of a live system leaves the machine and shows what runs there, so it is not the free kind.
    call.add("network.fetch", what, "It reads from a live system.", environment=environment_of(call))


def terraform(call: Call) -> None:
    """terraform: formatting and validating are local, a plan reads what is live, the rest changes it."""
    if not call.clear():
        return
    call.look_at(call.args)
    _refuse_programs(call)
    if call.program == "cdk" and any(word.text.startswith("-a") for word in call.args):
        call.unknown("cdk -a names the program that is run.")
    verbs = _verbs(call)
    verb = (verbs or ["help"])[0]
    shows = any(word.text.startswith(("-json", "--json", "--show-secrets")) for word in call.args)
    if verb == "providers" and len(verbs) > 1:
        call.add("dependency.change", f"{call.program} providers {verbs[1]}")
    elif verb in {"fmt", "validate", "version", "help", "graph", "providers"}:
        call.add("lint", f"{call.program} {verb}")
    elif verb in {"login", "logout"}:
        call.add("access.change", f"{call.program} {verb}")
    elif (verb == "show" or verbs[:2] in (["stack", "output"], ["stack", "export"], ["config", "get"])) and (
        shows or verb != "show"
    ):
        call.add("secret.read", f"{call.program} {verb}", "State and outputs hold secrets in plain text.")
    elif verb in {"plan", "show", "preview", "diff", "synth"} or verbs[:2] in (
        ["state", "list"],
        ["workspace", "list"],
    ):
        look(call, f"{call.program} {verb}")
    elif verb in {"output", "console"} or "pull" in verbs:
        call.add("secret.read", f"{call.program} {verb}", "State and outputs hold secrets in plain text.")
    elif verb in {"init", "get"}:
        call.add("dependency.change", f"{call.program} {verb}")
    else:
        _change(call, f"{call.program} {verb}")


def kubernetes(call: Call) -> None:
    """kubectl and helm: listing reads the cluster, secrets are secrets, the rest changes it."""
    if not call.clear():
        return
    call.look_at(call.args)
    _refuse_programs(call)
    verbs = _verbs(call, _CLUSTER_VALUED)
    verb = (verbs or ["help"])[0]
    if verb in {"auth", "config", "create", "delete", "certificate"} and _cluster_rights(call, verbs):
        return
    if verb in {
        "get",
        "describe",
        "logs",
        "top",
        "explain",
        "api-resources",
        "version",
        "list",
        "status",
        "history",
        "diff",
        "events",
    }:
        if any(_CLUSTER_SECRET.match(word) for word in verbs[1:]) or (verb == "get" and call.program == "helm"):
            call.add("secret.read", f"{call.program} {verb}")
        elif any(word.text.startswith("--raw") for word in call.args):
            call.unknown("A raw path of the cluster's interface is not followed.")
        look(call, f"{call.program} {verb}")
    elif verb in {"lint", "template", "help", "completion", "kustomize"}:
        for word in call.args:
            if word.text.startswith(_RENDERS_ELSEWHERE) or "://" in word.text:
                call.unknown(f"{word.text} starts a program or writes files elsewhere.")
        call.add("lint", f"{call.program} {verb}")
    else:
        _change(call, f"{call.program} {verb}")


# The cluster takes any spelling of a kind's name: Secret, secrets, secrets.v1.
_CLUSTER_SECRET = re.compile(r"secrets?(?:$|[/.,])|.*[,/]secrets?", re.IGNORECASE)
_CLUSTER_RIGHTS = re.compile(r"(?:cluster)?role(?:binding)?s?(?:$|[/.])|serviceaccounts?(?:$|[/.])|sa$", re.IGNORECASE)


def _cluster_rights(call: Call, verbs: list[str]) -> bool:
    """Add what changes or shows who may do what in a cluster; False when the call is about something else."""
    verb, what = verbs[0], verbs[1] if len(verbs) > 1 else ""
    if (verb, what) == ("create", "token") or (verb == "config" and any(word.text == "--raw" for word in call.args)):
        call.add("secret.read", f"kubectl {verb} {what}")
    elif (verb, what) in {("auth", "can-i"), ("auth", "whoami")}:
        look(call, f"kubectl auth {what}")
    elif verb == "config" and what in {"view", "current-context", "get-contexts", "get-clusters"}:
        call.add("read", f"kubectl config {what}")
    elif verb in {"auth", "config", "certificate"} or _CLUSTER_RIGHTS.match(what):
        call.add("access.change", f"kubectl {verb} {what}", environment=environment_of(call))
    else:
        return False
    return True


def docker(call: Call) -> None:
    """docker: listing and building stay local, push leaves, run and exec start what is not seen."""
    if not call.clear():
        return
    verb = (_verbs(call) or ["help"])[0]
    for word in call.args:
        call.touch(word)
    _refuse_programs(call)
    if verb in {"ps", "images", "logs", "version", "info", "inspect", "history", "stats", "port", "diff", "help"}:
        call.add("secret.read" if verb == "inspect" else "read", f"docker {verb}")
    elif verb == "build":
        for word in call.args:
            if word.text.partition("=")[0] in _BUILD_LEAVES or re.match(r"-o|git@|[\w+.-]+://", word.text):
                call.unknown(f"With {word.text} the build fetches, sends or writes elsewhere.")
        call.add("build", "docker build")
    elif verb in {"push", "stack", "service", "swarm", "context", "node"}:
        _change(call, f"docker {verb}")
    elif verb in {"login", "logout"}:
        call.add("access.change", f"docker {verb}")
    elif verb in {"kill", "stop", "restart", "pause"}:
        call.add("process.kill", f"docker {verb}")
    elif verb in {"pull", "search"}:
        call.add("network.fetch", f"docker {verb}")
    else:
        call.unknown(f"docker {verb} starts or changes what is not seen from the command.")


def cloud(call: Call) -> None:
    """aws, gcloud, az: a listing reads, secrets are secrets, the rest changes something there."""
    if not call.clear():
        return
    for word in call.args:
        call.touch(word)
    words = _verbs(call, words=list(call.args))
    said = " ".join(words)
    # What is fetched into a file with a meaning of its own, a workflow or a hook, changes that file.
    call.write([word for word in call.args if "://" not in word.text and special(word.text) != "edit.file"])
    if _SECRET_WORDS.search(said) and not _WHO.fullmatch(said):
        call.add("secret.read", said)
    if any(_RIGHTS_WORDS.fullmatch(word) for word in words) and not any(
        _CLOUD_READS.fullmatch(word) for word in words[1:]
    ):
        call.add("access.change", said)
    if not words or (any(_CLOUD_READS.fullmatch(word) for word in words[1:4]) and not _writes(words)):
        look(call, said or call.program)
    else:
        _change(call, said)


def _writes(words: list[str]) -> bool:
    return any(_CLOUD_CHANGES.match(word) for word in words)


def deploy(call: Call) -> None:
    """Deployment tools: production unless the words say otherwise."""
    call.clear()
    staging = environment_of(call) == "staging"
    kind = "deploy.staging" if staging else "deploy.production"
    call.add(kind, call.program, environment="staging" if staging else "production")


def secrets(call: Call) -> None:
    """Stores of secrets: whatever they print is one."""
    call.clear()
    call.add("secret.read", call.program)


def machine(call: Call) -> None:
    """Programs that change the machine itself or who may use it."""
    call.clear()
    call.add("access.change", call.program, "It changes the machine or who may use it.")


def kill(call: Call) -> None:
    """Stop processes."""
    call.clear()
    call.add("process.kill", call.program)
