"""However large or deep a call is, it is answered, and past a bound it is not understood: never free, never a fault.

What it costs is measured by hand (docs/measurements.md): a test that looks at a clock proves nothing on a busy machine.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.rules.classify import Classified, classify
from registry.rules.actions import CATALOGUE
from registry.rules.tiers import Tier, strictest

CWD = "/home/dev/shop"

# Each starts what stands behind it.
WRAPPERS = [
    "xargs", "xargs -n1", "find . -exec", "env", "env A=1", "sudo", "doas", "nice", "nohup", "setsid", "time",
    "timeout 5", "stdbuf -o0", "command", "builtin", "exec", "!", "watch", "eval", "uv run", "poetry run",
    "bundle exec", "git -C .", "npx", "chronic", "ionice -c 3", "ssh -o ProxyCommand=", "xargs find . -exec",
    "env nice", "time sudo -u x",
]  # fmt: skip
SCRIPTS = ["sh -c", "bash -c", "zsh -c", "eval", "watch", "trap --", "ssh h -o"]


def bash(command: str) -> Classified:
    return classify("Bash", {"command": command}, cwd=CWD)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def tier(found: Classified) -> Tier:
    return strictest(Tier.FREE, *(CATALOGUE[action.type].default_tier for action in found.actions))


def past(found: Classified) -> bool:
    return any("too deep" in action.detail for action in found.actions if action.type == "unknown")


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("times", [9, 200, 4000])
def test_programs_that_start_programs_are_followed_so_deep_and_no_deeper(wrapper: str, times: int) -> None:
    found = bash(f"{wrapper} " * times + "rm -rf src")
    assert found.understood is False
    assert tier(found) is not Tier.FREE


@pytest.mark.parametrize("wrapper", ["xargs", "env", "nice", "timeout 5", "command", "uv run", "time"])
def test_the_usual_depth_is_read_to_its_end(wrapper: str) -> None:
    assert {action.type for action in bash(f"{wrapper} " * 3 + "ls").actions} <= {"read", "unknown"}
    assert bash(f"{wrapper} " * 3 + "git push --force origin main").actions[-1].type != "read"
    assert any(action.type == "push.force" for action in bash(f"{wrapper} " * 7 + "git push -f origin x").actions)
    assert not past(bash(f"{wrapper} " * 7 + "ls"))
    assert past(bash(f"{wrapper} " * 8 + "ls"))


def test_the_depth_is_counted_over_all_wrappers_together() -> None:
    mixed = "env A=1 nice timeout 5 command xargs "
    assert not past(bash(f"{mixed} sh -c 'nohup ls'"))
    assert past(bash(f"{mixed} sh -c 'nohup time stdbuf -o0 ls'"))


@pytest.mark.parametrize("wrapper", SCRIPTS)
def test_scripts_inside_scripts_are_followed_so_deep_and_no_deeper(wrapper: str) -> None:
    command = "rm x"
    for _ in range(9):
        command = f"{wrapper} {quoted(command)}"
    found = bash(command)
    assert found.understood is False
    assert tier(found) is not Tier.FREE


def test_xargs_that_runs_xargs_is_read() -> None:
    assert bash("seq 1 | xargs xargs echo").understood
    assert "file.delete" in {action.type for action in bash("seq 1 | xargs xargs rm").actions}


def test_so_many_programs_may_be_started_by_others_and_no_more() -> None:
    assert bash("env ls;" * 900).understood
    found = bash("env ls;" * 1001)
    assert found.understood is False
    assert any("more than 1000" in action.detail for action in found.actions)


PARTS = [
    ";", ";;", "(", "((", "'", '"', "`", "$(", "$((", "${", "<(", "$[", "[[ ", "{ ", "|", "||", "&&", "&", "\\", "\\\n",
    "a=(", "a[", "!(a) ", "?(a", "if ", "case a in ", "for a in ", "f() { ", "<<E\n", "cat <<E\n$(\nE\n", "a|",
    "${a:-", "xargs ", "find . -exec ", "% ", "~", "\x00", "é", "éa",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_a_megabyte_of_one_thing_is_not_understood_and_no_fault(part: str) -> None:
    found = bash((part * (1_048_576 // len(part) + 1))[:1_048_576])
    assert [action.type for action in found.actions] == ["unknown"]
    assert "words and signs" in found.actions[0].detail


def test_a_script_may_have_so_many_words_and_signs_and_no_more() -> None:
    assert bash("echo" + " a" * 4095).understood
    assert not bash("echo" + " a" * 4096).understood
    assert bash("echo " + "a" * 65_000).understood
    # The parser is given a sign for each letter outside ASCII, and may take each for a word.
    assert not bash("echo " + "é" * 4096).understood
    assert not bash("echo " + "a" * 66_000).understood
    inner = "echo" + " a" * 2000
    assert bash(f"sh -c '{inner}'; sh -c 'ls'").understood
    for _ in range(3):
        inner = f"sh -c {quoted(inner)}"
    assert not bash(f"{inner}; {inner}").understood


@given(st.lists(st.sampled_from(["(", ")", "$(", "${", "}", "'", '"', "`", "<<E", "\n", "E", ";", "|", "a", "b=", "if",
                                 "fi", "{", "env ", "xargs ", "sh -c ", "eval ", " ", "sudo ", "find . -exec "]),
                max_size=80))  # fmt: skip
def test_no_mixture_is_a_fault_and_a_wrapped_one_is_never_milder(parts: list[str]) -> None:
    inner = "".join(parts)
    found = bash(f"sh -c {quoted(inner)}")
    assert found.actions
    if tier(bash(inner)) is not Tier.FREE:
        assert tier(found) is not Tier.FREE


def test_a_tool_that_names_very_many_paths_is_not_understood() -> None:
    paths = {"paths": [f"{CWD}/a{number}" for number in range(1001)]}
    assert not classify("mcp__filesystem__read_multiple_files", paths, cwd=CWD).understood
    assert classify("mcp__filesystem__read_multiple_files", {"paths": paths["paths"][:1000]}, cwd=CWD).understood


def test_a_database_that_is_given_very_many_statements_is_not_understood() -> None:
    assert bash("psql" + " -c 'select 1'" * 64).understood
    assert not bash("psql" + " -c 'select 1'" * 65).understood
