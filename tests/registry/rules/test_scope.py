"""Scope against tricks: spellings of one thing agree, and anything without one safe meaning is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from registry.rules import names
from registry.rules.names import Refused
from registry.rules.patterns import compile_paths
from registry.rules.scope import (
    CompiledScope,
    Match,
    Scope,
    compile_scope,
    match_branch,
    match_environment,
    match_host,
    match_model,
    match_path,
    match_repository,
)

SCOPE = compile_scope(
    Scope(
        repositories=("acme/checkout", "acme/web-*", "git.acme.com/tools/**"),
        branches_allowed=("feature/*", "agent/**", "Mixed"),
        branches_protected=("main", "release/**", "feature/locked"),
        paths_allowed=("src/**", "/Makefile", "*.md", "docs/"),
        paths_blocked=("secrets/", ".env", ".env.*", "*.pem", "src/vault/**", "straße"),
        environments=("test", "preview-*"),
        hosts=("api.example.com", "*.cdn.example.com", "pypi.example:8080"),
        models=("claude-*", "gpt-5"),
    )
)


@pytest.mark.parametrize(
    "spelling",
    [
        "acme/checkout",
        "Acme/Checkout",
        "acme/checkout.git",
        "acme/checkout.GIT",
        "github.com/acme/checkout",
        "GitHub.com/acme/checkout",
        "github.com./acme/checkout",
        "https://github.com/acme/checkout",
        "https://github.com/acme/checkout.git",
        "https://github.com/acme/checkout/",
        "https://github.com:443/acme/checkout",
        "https://x-access-token:abc@github.com/acme/checkout.git",
        "ssh://git@github.com/acme/checkout.git",
        "ssh://git@github.com:22/acme/checkout",
        "git@github.com:acme/checkout.git",
    ],
)
def test_spellings_of_a_repository_agree(spelling: str) -> None:
    assert names.normalise_repository(spelling) == "acme/checkout"
    assert match_repository(SCOPE, spelling).allowed


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("acme/web-shop", Match.ALLOWED),
        ("acme/web", Match.OUTSIDE),
        ("acme/checkout2", Match.OUTSIDE),
        ("xacme/checkout", Match.OUTSIDE),
        ("evil.example/acme/checkout", Match.OUTSIDE),
        ("https://github.com@evil.example/acme/checkout", Match.OUTSIDE),
        ("https://github.com:8443/acme/checkout", Match.OUTSIDE),
        ("git@evil.example:acme/checkout.git", Match.OUTSIDE),
        ("git.acme.com/tools/a/b", Match.ALLOWED),
        ("git@git.acme.com:tools/a.git", Match.ALLOWED),
        ("git.acme.com/toolsx/a", Match.OUTSIDE),
        ("acme/web-a/../checkout", Match.REFUSED),
        ("acme/../checkout", Match.REFUSED),
        ("acme/web-x/y", Match.REFUSED),
        ("acme/..", Match.REFUSED),
        ("acme/.", Match.REFUSED),
        ("acme/...", Match.REFUSED),
        ("acme//checkout", Match.REFUSED),
        ("/acme/checkout", Match.REFUSED),
        ("acme/checkout/", Match.REFUSED),
        ("acme/%63heckout", Match.REFUSED),
        ("acme%2fcheckout", Match.REFUSED),
        ("acme/web-%2e%2e", Match.REFUSED),
        ("acme\\checkout", Match.REFUSED),
        ("https://github.com\\@evil.example/acme/checkout", Match.REFUSED),
        ("acme/checkout\x00", Match.REFUSED),
        ("acme/checkout\n", Match.REFUSED),
        (" acme/checkout", Match.REFUSED),
        ("acme/check\u200bout", Match.REFUSED),
        ("acme/\u202echeckout", Match.REFUSED),
        ("acme/ch\u0435ckout", Match.REFUSED),
        ("acme/web-\uff0e\uff0e", Match.REFUSED),
        ("acme\u2024com/x", Match.REFUSED),
        ("acme\uff0fcheckout", Match.REFUSED),
        ("acme/\uff43heckout", Match.REFUSED),
        ("acme/.git", Match.REFUSED),
        ("acme/checkout.git.git", Match.REFUSED),
        ("acme/*", Match.REFUSED),
        ("acme/web-?", Match.REFUSED),
        ("github.com/checkout", Match.REFUSED),
        ("intranet/acme/checkout", Match.REFUSED),
        ("http://github.com/acme/checkout", Match.REFUSED),
        ("file:///acme/checkout", Match.REFUSED),
        ("https://github.com/acme/checkout?x=1", Match.REFUSED),
        ("https://github.com/acme/checkout#x", Match.REFUSED),
        ("https://a@b@github.com/acme/checkout", Match.REFUSED),
        ("checkout", Match.REFUSED),
        ("", Match.REFUSED),
        (None, Match.REFUSED),
        (7, Match.REFUSED),
        ("acme/" + "x" * 300, Match.REFUSED),
    ],
)
def test_repository_tricks(name: object, match: Match) -> None:
    assert match_repository(SCOPE, name).match is match


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("feature/x", Match.ALLOWED),
        ("refs/heads/feature/x", Match.ALLOWED),
        ("feature/x/y", Match.OUTSIDE),
        ("agent/x/y/z", Match.ALLOWED),
        ("agent", Match.OUTSIDE),
        ("Feature/x", Match.OUTSIDE),
        ("Mixed", Match.ALLOWED),
        ("mixed", Match.OUTSIDE),
        ("xfeature/x", Match.OUTSIDE),
        ("main", Match.BLOCKED),
        ("Main", Match.BLOCKED),
        ("refs/heads/main", Match.BLOCKED),
        ("feature/locked", Match.BLOCKED),
        ("feature/LOCKED", Match.BLOCKED),
        ("release/1/2", Match.BLOCKED),
        ("refs/heads/refs/heads/main", Match.REFUSED),
        ("heads/main", Match.REFUSED),
        ("refs/tags/v1", Match.REFUSED),
        ("feature/x:main", Match.REFUSED),
        ("+feature/x", Match.REFUSED),
        ("-feature/x", Match.REFUSED),
        ("feature/../main", Match.REFUSED),
        ("feature/.x", Match.REFUSED),
        ("feature/x.lock", Match.REFUSED),
        ("feature/x.", Match.REFUSED),
        ("feature//x", Match.REFUSED),
        ("feature/", Match.REFUSED),
        ("feature/x@{1}", Match.REFUSED),
        ("feature/x~1", Match.REFUSED),
        ("feature/*", Match.REFUSED),
        ("feature\\x", Match.REFUSED),
        ("feature/%2e%2e", Match.REFUSED),
        ("feature/x y", Match.REFUSED),
        ("HEAD", Match.REFUSED),
        ("@", Match.REFUSED),
        ("refs/heads/", Match.REFUSED),
        ("feature/\u200bx", Match.REFUSED),
        ("\uff4dain", Match.REFUSED),
        ("m\u0430in", Match.OUTSIDE),
        (None, Match.REFUSED),
    ],
)
def test_branch_tricks(name: object, match: Match) -> None:
    assert match_branch(SCOPE, name).match is match


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("src/a.py", Match.ALLOWED),
        ("./src//./a.py", Match.ALLOWED),
        ("/home/w/repo/src/a.py", Match.ALLOWED),
        ("src/[id].tsx", Match.ALLOWED),
        ("src/$id.tsx", Match.ALLOWED),
        ("src/100%.txt", Match.ALLOWED),
        ("src/日本.py", Match.ALLOWED),
        ("Makefile", Match.ALLOWED),
        ("x/Makefile", Match.OUTSIDE),
        ("deep/in/README.md", Match.ALLOWED),
        ("docs/a/b.txt", Match.ALLOWED),
        ("SRC/a.py", Match.OUTSIDE),
        ("lib/a.py", Match.OUTSIDE),
        ("lib/src/a.py", Match.OUTSIDE),
        (".", Match.OUTSIDE),
        ("/home/w/repo", Match.OUTSIDE),
        ("secrets", Match.BLOCKED),
        ("src/secrets", Match.BLOCKED),
        ("src/Secrets/x", Match.BLOCKED),
        ("src/.env", Match.BLOCKED),
        ("src/.ENV.local", Match.BLOCKED),
        ("docs/key.PEM", Match.BLOCKED),
        ("src/vault", Match.BLOCKED),
        ("src/VAULT/a.md", Match.BLOCKED),
        ("src/STRAßE/a", Match.BLOCKED),
        ("./src/./secrets//x", Match.BLOCKED),
        ("/home/w/repo/src/.env", Match.BLOCKED),
        ("src/../secrets/x", Match.REFUSED),
        ("src/a/../b.py", Match.REFUSED),
        ("..", Match.REFUSED),
        ("/home/w/repo/../other/src/a.py", Match.REFUSED),
        ("/home/w/repo2/src/a.py", Match.REFUSED),
        ("/home/w", Match.REFUSED),
        ("/etc/passwd", Match.REFUSED),
        ("//home/w/x", Match.REFUSED),
        ("~/src/a.py", Match.REFUSED),
        ("src\\a.py", Match.REFUSED),
        ("src/..\\secrets", Match.REFUSED),
        ("C:/src/a.py", Match.REFUSED),
        ("src/a.py::$DATA", Match.REFUSED),
        ("src/%2e%2e/x", Match.REFUSED),
        ("src/%252e/x", Match.REFUSED),
        ("src/a\x00.py", Match.REFUSED),
        ("src/a\n.py", Match.REFUSED),
        ("src/se\u200bcrets/x", Match.REFUSED),
        ("src/\u202egp.exe", Match.REFUSED),
        ("src/a\ufe0f", Match.REFUSED),
        ("src/\u3164", Match.REFUSED),
        ("src/\uff0e\uff0e/x", Match.REFUSED),
        ("src\u2215a", Match.REFUSED),
        ("src/.env.", Match.REFUSED),
        ("src/secrets /x", Match.REFUSED),
        ("src/\u017fecrets", Match.REFUSED),
        ("src/e\u0301.py", Match.REFUSED),
        ("src/\u0338a", Match.REFUSED),
        ("src/*", Match.REFUSED),
        ("src/secret?", Match.REFUSED),
        ("src/\ud800", Match.REFUSED),
        ("", Match.REFUSED),
        ("a/" * 600, Match.REFUSED),
        ("src/" * 65, Match.REFUSED),
        ("src/" * 64, Match.ALLOWED),
        ("src/" + "x" * 256, Match.REFUSED),
        (None, Match.REFUSED),
        (b"src/a.py", Match.REFUSED),
    ],
)
def test_path_tricks(path: object, match: Match) -> None:
    assert match_path(SCOPE, path, root="/home/w/repo").match is match


def test_an_absolute_path_without_a_safe_root_is_refused() -> None:
    for root in ("", "repo", "/home/../", "/ho\u200bme"):
        assert match_path(SCOPE, "/home/src/a.py", root=root).match is Match.REFUSED


def test_only_a_scope_of_every_path_allows_the_root() -> None:
    assert match_path(compile_scope(Scope(paths_allowed=("**",))), ".").allowed
    assert not match_path(compile_scope(Scope(paths_allowed=(".*", "?"))), ".").allowed


@pytest.mark.parametrize(
    ("host", "match"),
    [
        ("api.example.com", Match.ALLOWED),
        ("API.Example.com.", Match.ALLOWED),
        ("api.example.com:443", Match.ALLOWED),
        ("api.example.com:80", Match.OUTSIDE),
        ("pypi.example:8080", Match.ALLOWED),
        ("pypi.example", Match.OUTSIDE),
        ("a.cdn.example.com", Match.ALLOWED),
        ("a.b.cdn.example.com", Match.OUTSIDE),
        ("cdn.example.com", Match.OUTSIDE),
        ("api.example.com.evil.example", Match.OUTSIDE),
        ("api-example.com", Match.OUTSIDE),
        ("2130706433", Match.OUTSIDE),
        ("api.example.com@evil.example", Match.REFUSED),
        ("api.example.com/x", Match.REFUSED),
        ("api\u3002example.com", Match.REFUSED),
        ("*.cdn.example.com", Match.REFUSED),
        ("[::1]", Match.REFUSED),
        ("", Match.REFUSED),
        (None, Match.REFUSED),
    ],
)
def test_host_tricks(host: object, match: Match) -> None:
    assert match_host(SCOPE, host).match is match


def test_environments_and_models() -> None:
    assert match_environment(SCOPE, "Preview-17").allowed
    assert match_environment(SCOPE, "production").match is Match.OUTSIDE
    assert match_environment(SCOPE, "test/../production").match is Match.REFUSED
    assert match_model(SCOPE, "claude-x-4").allowed
    assert match_model(SCOPE, "gpt-5-mini").match is Match.OUTSIDE
    assert match_model(SCOPE, "claude-\u200bx").match is Match.REFUSED


EMPTY = compile_scope(Scope())
NORMALISERS = [
    names.normalise_repository,
    names.normalise_branch,
    names.normalise_path,
    names.normalise_host,
    names.normalise_environment,
    names.normalise_model,
]
NASTY = st.text(
    alphabet=st.sampled_from("aAb1./\\:@%2e*?~ -_\u200b\u202e\u2024\uff0f\u00e9\u0301\x00[]{}"), max_size=24
)


@given(NASTY | st.text(max_size=30))
def test_an_empty_scope_allows_nothing(name: str) -> None:
    for ask in (match_repository, match_branch, match_path, match_environment, match_host, match_model):
        assert not ask(EMPTY, name).allowed


@pytest.mark.parametrize("normalise", NORMALISERS, ids=lambda function: function.__name__)
@given(name=NASTY)
def test_a_normal_form_is_its_own_normal_form(normalise: object, name: str) -> None:
    try:
        normal = normalise(name)  # type: ignore[operator]
    except Refused:
        return
    assert normalise(normal) == normal  # type: ignore[operator]
    assert ".." not in normal.split("/")
    assert not set(normal) & set("\\*?\u200b\u202e\u2024\uff0f\x00")


SEGMENT = st.text(alphabet="ab*?", min_size=1, max_size=3).filter(lambda text: text.count("*") < 3 and "**" not in text)
PATTERN = st.tuples(
    st.sampled_from(["", "/"]),
    st.lists(SEGMENT | st.just("**"), min_size=1, max_size=3).filter(lambda parts: parts.count("**") < 3),
    st.sampled_from(["", "/"]),
).map(lambda parts: parts[0] + "/".join(parts[1]) + parts[2])
PATH = st.lists(st.text(alphabet="ab", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(st.lists(PATTERN, min_size=1, max_size=5), PATH)
def test_the_one_alternation_agrees_with_gitignore(patterns: list[str], path: str) -> None:
    compiled = compile_paths(patterns)
    assert (compiled.matches(path) is not None) == GitIgnoreSpec.from_lines(patterns).match_file(path)
    assert bool(compiled.deciding(path)) == (compiled.matches(path) is not None)


@given(st.lists(PATTERN, max_size=4), st.lists(PATTERN, max_size=4), PATH)
def test_blocked_wins_in_any_case(allowed: list[str], blocked: list[str], path: str) -> None:
    scope: CompiledScope = compile_scope(Scope(paths_allowed=tuple(allowed), paths_blocked=tuple(blocked)))
    if match_path(compile_scope(Scope(paths_allowed=tuple(blocked))), path).allowed:
        assert match_path(scope, path).match is Match.BLOCKED
        assert match_path(scope, path.upper()).match is Match.BLOCKED
