"""Where a path leads, and what kind of thing lies there: outside, a secret, or a file with a meaning.

The tables: names and places of secrets (``_SECRET_NAME``, ``_SECRET_PLACE``; ``_EXAMPLE`` are none) and files whose
change is an action of its own (``_SPECIAL``, first match wins). Links are not resolved, since the file is on another
machine: making a link counts as reading and changing what it leads to, and a check of paths belongs to the agent's
own sandbox. The organisation's own paths go into the scope of its policies.
"""

import re
from fnmatch import fnmatchcase
from posixpath import join, normpath

_HARMLESS_DEVICES = frozenset({"/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/zero", "/dev/tty"})
# Agents read their own scratch files there. Writing there is not in the repository, so it is not excused.
_SCRATCH = ("/tmp/", "/private/tmp/", "/var/tmp/")  # noqa: S108  compared with, never opened

_EXAMPLE = re.compile(r"[._-](?:example|sample|template|dist|defaults)(?:\.|$)")
_SECRET_NAME = re.compile(
    r"""\.env(?:rc|\..+)? | .+\.env | .+\.(?:pem|p12|pfx|key|kdbx|jks|keystore|ppk|tfstate|tfvars)
    | id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)? | \.npmrc | [._]netrc | \.pypirc | \.pgpass | \.my\.cnf | \.git-credentials
    | \.htpasswd | \.dockercfg | \.?credentials(?:\.[a-z]+)?
    | \.?secrets?(?:\.[a-z0-9-]+)*\.(?:ya?ml|json|toml|ini|env|txt)
    | \.vault-token | service[-_]account.*\.json | kubeconfig""",
    re.VERBOSE,
)
_SECRET_PLACE = re.compile(
    r"/\.(?:ssh|aws|gnupg|azure)/ | /\.kube/config | /\.docker/config\.json | /\.config/(?:gcloud|gh)/"
    r"| ^/proc/[^/]+/environ$ | ^/etc/(?:g?shadow|sudoers) | ^(?:/var)?/run/secrets/",
    re.VERBOSE,
)
# What a wildcard is tried against. A wildcard that begins a name does not match a leading dot (POSIX 2.14.3).
_SECRET_SAMPLES = (
    *(
        ".env",
        ".envrc",
        ".env.local",
        ".env.production",
        ".npmrc",
        ".netrc",
        ".pypirc",
        ".pgpass",
        ".git-credentials",
    ),
    *("id_rsa", "id_ed25519", "server.pem", "server.key", "keys.kdbx", "credentials", "credentials.json"),
    *("secrets.yml", "secrets.yaml", "secrets.json", "secret.yml", ".ssh", ".aws"),
)

# First match wins. Matched against the whole path, so that a call from a subdirectory changes nothing.
_SPECIAL: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        # Agents, skills and commands of Claude Code carry hooks and shell lines of their own.
        (
            "access.change",
            r"/\.claude/(?:settings[^/]*\.json|(?:hooks|agents|skills|commands|plugins|output-styles)(?:/|$))",
        ),
        ("access.change", r"/\.claude$|/\.mcp\.json$"),
        (
            "access.change",
            r"/\.(?:codex|gemini|cursor|factory|copilot|opencode)(?:/|$)|/\.vscode/(?:tasks|mcp)\.json$|/\.github/hooks/",
        ),
        (
            "access.change",
            r"/\.git/(?!info/exclude$|[A-Z_]*MSG[^/]*$)|/\.git$|/\.gitmodules$|/\.gitattributes$",
        ),
        ("access.change", r"/CODEOWNERS$|/\.husky(?:/|$)|/\.pre-commit-config\.yaml$|/\.ai-code-gate\.ya?ml$"),
        (
            "ci.change",
            r"/\.github/(?:workflows|actions)(?:/|$)|/\.github$|/\.gitlab-ci\.ya?ml$|/\.gitlab/ci(?:/|$)",
        ),
        (
            "ci.change",
            r"/\.circleci(?:/|$)|/Jenkinsfile$|/azure-pipelines\.ya?ml$|/\.buildkite(?:/|$)|/\.travis\.yml$",
        ),
        (
            "infra.change",
            r"/(?:Dockerfile|Containerfile)[^/]*$|\.dockerfile$|/(?:docker-)?compose[^/]*\.ya?ml$",
        ),
        (
            "infra.change",
            r"\.tf(?:vars)?$|\.hcl$|/(?:k8s|kubernetes|helm|charts|terraform|ansible)(?:/|$)|/Chart\.yaml$",
        ),
        ("migration.change", r"/(?:migrations?|alembic/versions|db/migrate)(?:/|$)"),
        (
            "dependency.change",
            r"/(?:pyproject\.toml|setup\.(?:py|cfg)|Pipfile|requirements[^/]*\.(?:txt|in|lock))$",
        ),
        (
            "dependency.change",
            r"/(?:package\.json|go\.(?:mod|sum|work)|Cargo\.toml|Gemfile|pom\.xml|composer\.json)$",
        ),
        (
            "dependency.change",
            r"/(?:[^/]+\.lock|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|bun\.lockb)$",
        ),
        ("dependency.change", r"/build\.gradle(?:\.kts)?$|/(?:\.venv|venv|node_modules|vendor)(?:/|$)"),
    )
)


def special(path: str) -> str:
    """Return the action type of changing this path: ``edit.file`` unless the file has a meaning of its own."""
    rooted = path if path.startswith("/") else f"/{path}"
    return next((kind for kind, pattern in _SPECIAL if pattern.search(rooted)), "edit.file")


def is_secret(path: str) -> bool:
    """Return whether a path looks like one that holds secrets in plain text (``.env.example`` does not)."""
    lowered = path.lower().rstrip("/")
    name = lowered.rpartition("/")[2]
    if _SECRET_NAME.fullmatch(name):
        return _EXAMPLE.search(name) is None
    return _SECRET_PLACE.search(f"{lowered}/" if lowered.startswith("/") else f"/{lowered}/") is not None or (
        _SECRET_PLACE.search(lowered) is not None
    )


def glob_may_be_secret(pattern: str) -> bool:
    """Return whether a shell wildcard can expand to a secret's name.

    ``*`` and ``*.yml`` are let through: they do not match a leading dot, and flagging them would forbid most
    ordinary reading; a wildcard that spells out part of a secret's name is not.
    """
    for part in pattern.lower().split("/"):
        fixed = max(re.split(r"[*?]|\[[^]]*\]", part), key=len)
        for sample in _SECRET_SAMPLES:
            hidden = sample.startswith(".")
            if hidden and not part.startswith((".", "[.", "@", "+")):
                continue
            if (hidden or (len(fixed.strip(".")) >= 3 and fixed.strip(".") not in _PLAIN_SUFFIX)) and fnmatchcase(
                sample, part
            ):
                return True
    return False


_PLAIN_SUFFIX = frozenset({"yml", "yaml", "json"})


class Place:
    """The directory a session works in, and the directories a command may be running in at this point.

    ``dirs`` has several members when a ``cd`` may or may not have happened, and is empty when that cannot be known.
    """

    __slots__ = ("dirs", "root")

    def __init__(self, root: str, dirs: tuple[str, ...]) -> None:
        self.root = root
        self.dirs = dirs

    @classmethod
    def at(cls, cwd: str) -> "Place":
        """Return the place where a session starts; without an absolute directory nothing absolute is inside."""
        root = normpath(cwd) if cwd.startswith("/") else ""
        return cls(root, (root,))

    def resolve(self, path: str) -> tuple[str, ...]:
        """Return every absolute path that ``path`` may mean; an empty tuple when that cannot be known."""
        if path.startswith("~"):
            return (path,)
        if path.startswith("/"):
            return (normpath(path).replace("//", "/"),)
        return tuple(normpath(join(directory, path)) for directory in self.dirs)

    def inside(self, resolved: str) -> bool:
        """Return whether a resolved path lies in the session's directory."""
        if not self.root:
            return not resolved.startswith(("/", "~", ".."))
        return resolved == self.root or resolved.startswith(self.root if self.root == "/" else f"{self.root}/")

    def shown(self, resolved: str) -> str:
        """Return the path relative to the session's directory, or as it is when it lies outside."""
        if self.root and resolved != self.root and self.inside(resolved):
            return resolved[len(self.root.rstrip("/")) + 1 :]
        return "." if resolved == self.root else resolved


def harmless_device(resolved: str) -> bool:
    """Return whether a path is a device that keeps nothing and tells nothing."""
    return resolved in _HARMLESS_DEVICES or re.fullmatch(r"/dev/fd/\d+", resolved) is not None


def scratch(resolved: str) -> bool:
    """Return whether a path lies in a directory for temporary files."""
    return f"{resolved}/".startswith(_SCRATCH)
