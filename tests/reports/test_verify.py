"""The stand-alone verifier: genuine packages pass, and every kind of tampering is named (hostile cases M01 to M52)."""

import ast
import importlib.util
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from portal.ledger.rules import merkle
from portal.ledger.rules.canonical import JSONValue, canonicalize
from portal.ledger.rules.note import Signer, checkpoint_text
from reports.render import bundle, evidence
from tests.reports import synthetic
from tests.reports.synthetic import LOG, PACKAGES, Log, Plan, package

Verify = Callable[..., list[str]]


@pytest.fixture(scope="module")
def verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("standalone_verify", synthetic.VERIFIER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def verify(verifier: ModuleType, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Run main() in process: [] for genuine, else the "file: reason" lines. Pins both keys unless told not to."""

    def run(path: Path, *options: str, pinned: bool = True) -> list[str]:
        keys = ["--key", LOG.vkey, "--package-key", PACKAGES.vkey] if pinned else []
        code = verifier.main([str(path), *keys, *options])
        lines = capsys.readouterr().out.splitlines()
        if code == 0:
            assert lines[0].startswith("GENUINE")
            return []
        assert code == 1
        assert lines[-1] == "NOT GENUINE"
        assert len(lines) > 1
        assert all(": " in line for line in lines[:-1])
        return lines[:-1]

    return run


@pytest.fixture
def plan() -> Plan:
    return Plan(synthetic.log())


@pytest.fixture
def good(tmp_path: Path, plan: Plan) -> Path:
    return package(tmp_path / "good.zip", plan)


def named(failures: list[str], file: str, reason: str = "") -> bool:
    return any(line.startswith(f"{file}: ") and reason in line for line in failures)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(synthetic.VERIFIER), *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


# --- genuine -------------------------------------------------------------------------------------------------


def test_genuine_as_a_command(good: Path) -> None:
    done = command(good, "--key", LOG.vkey, "--package-key", PACKAGES.vkey)
    assert (done.returncode, done.stderr) == (0, "")
    assert "GENUINE: package PK-1, November" in done.stdout
    assert "7, among the leaves 3 to 11" in done.stdout
    assert "13 disclosed and matching, 1 withheld or erased" in done.stdout
    assert "1 match the entries" in done.stdout
    assert "NOT COMPARED" not in done.stdout


def test_without_keys_it_says_so(good: Path) -> None:
    done = command(good)
    assert done.returncode == 0
    assert done.stdout.count("NOT COMPARED") == 2
    assert "Compare it" in done.stdout


def test_json_answer(good: Path, tmp_path: Path) -> None:
    answer = json.loads(command(good, "--json", "--key", LOG.vkey).stdout)
    assert answer["genuine"] is True
    assert answer["facts"]["compared"] == {"log": True, "package": False}
    answer = json.loads(command(tmp_path / "none.zip", "--json").stdout)
    assert answer["genuine"] is False
    assert answer["failures"][0]["file"] == "none.zip"


def test_wrong_usage_is_two(good: Path) -> None:
    assert command().returncode == 2
    assert command(good, "--key", "nonsense").returncode == 2
    assert command(good, "--key", LOG.vkey[:-1]).returncode == 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 65])
def test_every_range_of_a_log_can_be_a_package(tmp_path: Path, verify: Verify, size: int) -> None:
    log = synthetic.log(size)
    for first in {0, 1, size // 2, size - 1} & set(range(size)):
        for last in {first + 1, size} & set(range(first + 1, size + 1)):
            plan = Plan(log, first=first, last_exclusive=last, outside=frozenset(), earlier=())
            assert verify(package(tmp_path / "a.zip", plan)) == []


def test_keys_from_files(good: Path, tmp_path: Path, verify: Verify) -> None:
    (tmp_path / "log.vkey").write_text(LOG.vkey + "\n")
    assert verify(good, "--key", str(tmp_path / "log.vkey")) == []


def test_zip64_packages(
    tmp_path: Path, plan: Plan, verify: Verify, verifier: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "LIMIT", 600)
    path = package(tmp_path / "a.zip", plan)
    assert verify(path)
    monkeypatch.setattr(verifier, "LIMIT", 600)
    assert verify(path) == []
    data = path.read_bytes()
    for place in range(len(data) - 98, len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert verify(path), place


def test_the_verifier_needs_no_newer_python_than_it_says() -> None:
    tree = ast.parse(synthetic.VERIFIER.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for item in ast.walk(tree) if isinstance(item, ast.Import) for alias in item.names}
    imported |= {item.module or "." for item in ast.walk(tree) if isinstance(item, ast.ImportFrom)}
    assert imported <= set(sys.stdlib_module_names)


def test_ed25519_agrees_with_the_library(verifier: ModuleType) -> None:
    for number in range(8):
        signer = Signer("x", bytes([number]) * 32)
        message = bytes(range(number * 7))
        signature = signer._key.sign(message)
        public = signer.verifier.public_bytes
        assert verifier.ed25519(public, message, signature)
        assert not verifier.ed25519(public, message + b"!", signature)
        # Malleability: S + L signs the same message for a careless verifier.
        s = int.from_bytes(signature[32:], "little") + verifier.ORDER
        assert not verifier.ed25519(public, message, signature[:32] + s.to_bytes(32, "little"))
    for weak in ((1).to_bytes(32, "little"), bytes(32), (2**255 - 19).to_bytes(32, "little"), b"\xff" * 32):
        assert not verifier.ed25519(weak, b"", weak + bytes(32))


# --- empty is never OK by itself -----------------------------------------------------------------------------


def test_an_empty_package_says_that_it_is(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    empty = plan.but(first=4, last_exclusive=4, outside=frozenset())
    path = package(tmp_path / "a.zip", empty)
    assert verify(path) == []
    assert "and EMPTY: no entry" in command(path).stdout
    only_others = plan.but(outside=frozenset(range(3, 11)))
    assert verify(package(tmp_path / "b.zip", only_others)) == []


def test_an_empty_package_that_does_not_say_so(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    empty = plan.but(first=4, last_exclusive=4, outside=frozenset())
    contents = synthetic.files(empty)
    silent = json.loads(synthetic.manifest(empty, contents))
    del silent["empty"]
    bundle.write_bundle(tmp_path / "a.zip", synthetic.signed(contents, canonicalize(silent)))
    assert named(verify(tmp_path / "a.zip"), "manifest.json", "does not say that it is empty")
    loud = {**json.loads(synthetic.manifest(plan, synthetic.files(plan))), "empty": True}
    bundle.write_bundle(tmp_path / "b.zip", synthetic.signed(synthetic.files(plan), canonicalize(loud)))
    assert named(verify(tmp_path / "b.zip"), "manifest.json", "unknown: ['empty']")


def test_an_empty_log_proves_nothing(tmp_path: Path, verify: Verify) -> None:
    nothing = Plan(synthetic.log(0), first=0, last_exclusive=0, outside=frozenset(), earlier=())
    assert named(verify(package(tmp_path / "a.zip", nothing)), "manifest.json", "empty log")


def test_m49_nothing_to_verify(tmp_path: Path, verify: Verify) -> None:
    (tmp_path / "directory").mkdir()
    assert named(verify(tmp_path / "directory"), "directory", "a directory")
    assert named(verify(tmp_path / "absent.zip"), "absent.zip", "no such file")
    (tmp_path / "zero.zip").touch()
    assert named(verify(tmp_path / "zero.zip"), "zero.zip", "0 bytes")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert verify(tmp_path / "empty.zip")


# --- one bit, anywhere ---------------------------------------------------------------------------------------


def test_a_flipped_bit_at_every_byte_is_caught(
    tmp_path: Path, verify: Verify, verifier: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same two signatures thousands of times: remembered, or this takes a minute.
    monkeypatch.setattr(verifier, "ed25519", cache(verifier.ed25519))
    small = Plan(synthetic.log(4), first=1, last_exclusive=3, outside=frozenset(), earlier=(1,))
    data = package(tmp_path / "good.zip", small).read_bytes()
    target = tmp_path / "bad.zip"
    assert verify(tmp_path / "good.zip", pinned=False) == []
    for place in range(len(data)):
        target.write_bytes(data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :])
        assert verify(target, pinned=False), place


# --- the archive ---------------------------------------------------------------------------------------------


def test_m07_truncated_or_extended(good: Path, tmp_path: Path, verify: Verify) -> None:
    data, target = good.read_bytes(), tmp_path / "bad.zip"
    for changed in (
        *(data[:length] for length in range(0, len(data), 211)),
        data[:-1],
        data + b"\0",
        data + data,
        b"\0" + data,
        b"#!/bin/sh\n" + data,
    ):
        target.write_bytes(changed)
        assert verify(target), len(changed)


def test_a_zip_comment(good: Path, verify: Verify) -> None:
    with zipfile.ZipFile(good, "a") as archive:
        archive.comment = b"trust me"
    assert named(verify(good), "good.zip", "commented")


def rezip(good: Path, target: Path, change: Callable[[list[tuple[zipfile.ZipInfo, bytes]]], Any]) -> Path:
    """Write the members again with the standard library's writer, after ``change``."""
    with zipfile.ZipFile(good) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    change(members)
    with zipfile.ZipFile(target, "w") as archive:
        for info, data in members:
            archive.writestr(info, data)
    return target


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "x.txt", "entries.jsonl", "ENTRIES.jsonl", "é"]
)
def test_m52_extra_and_hostile_names(good: Path, tmp_path: Path, verify: Verify, name: str) -> None:
    def add(members: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        members.append((zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), b"x"))

    assert verify(rezip(good, tmp_path / "bad.zip", add))


def test_m51_a_zip_bomb_is_refused_before_it_is_read(good: Path, tmp_path: Path, verify: Verify) -> None:
    def deflate(members: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
        info = zipfile.ZipInfo("entries.jsonl", (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        members[:] = [(info, bytes(50_000_000))]

    assert named(verify(rezip(good, tmp_path / "bad.zip", deflate)), "entries.jsonl", "unexpected byte")
    data = bytearray(good.read_bytes())
    place = data.rindex(b"PK\1\2")
    data[place + 20 : place + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    (tmp_path / "lying.zip").write_bytes(data)
    assert verify(tmp_path / "lying.zip")


def test_m46_a_file_left_out_or_m47_added(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    contents = synthetic.files(plan)
    whole = synthetic.signed(contents, synthetic.manifest(plan, contents))
    for name in whole:
        bundle.write_bundle(tmp_path / "a.zip", {key: value for key, value in whole.items() if key != name})
        assert verify(tmp_path / "a.zip"), name
    bundle.write_bundle(tmp_path / "b.zip", {**whole, "notes.txt": b"x"})
    assert named(verify(tmp_path / "b.zip"), "notes.txt", "not named in manifest.json")
    renamed = {("report2.pdf" if name == "report.pdf" else name): data for name, data in whole.items()}
    bundle.write_bundle(tmp_path / "c.zip", renamed)
    assert named(verify(tmp_path / "c.zip"), "report.pdf")
    assert named(verify(package(tmp_path / "d.zip", plan.but(extra={"notes.txt": b"x"}))), "notes.txt", "not a file")


def test_left_out_with_its_manifest_line(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    contents = synthetic.files(plan)
    for name in contents:
        rest = {key: value for key, value in contents.items() if key != name}
        if name == "entries.jsonl" or name.startswith("policy/"):
            continue
        bundle.write_bundle(tmp_path / "a.zip", synthetic.signed(rest, synthetic.manifest(plan, rest)))
        assert named(verify(tmp_path / "a.zip"), name, "missing")


# --- the manifest --------------------------------------------------------------------------------------------


def remade(path: Path, plan: Plan, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The package with a changed manifest, properly signed."""
    contents = synthetic.files(plan)
    stated = json.loads(synthetic.manifest(plan, contents))
    change(stated)
    bundle.write_bundle(path, synthetic.signed(contents, canonicalize(stated)))
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "bailiwick-package/2"),
        ("format", None),
        ("number", 7),
        ("title", ""),
        ("period", {"start": "2026-11-22T00:00:00.000000Z", "end": "2026-11-21T00:00:00.000000Z"}),
        ("period", {"start": "2026-11-21", "end": "2026-11-22"}),
        ("created_at", "yesterday"),
        ("origin", "other.example/ledger"),
        ("checkpoint", {"size": 12, "root": "00" * 32}),
        ("checkpoint", {"size": 13, "root": "00" * 32}),
        ("checkpoint", []),
        ("range", {"first": 3, "last_exclusive": 12}),
        ("range", {"first": 4, "last_exclusive": 11}),
        ("range", {"first": 11, "last_exclusive": 3}),
        ("range", {"first": True, "last_exclusive": 11}),
        ("entries", 6),
        ("entries", 8),
        ("entries", 0),
        ("entries", 10**9),
        ("entries", "7"),
        ("files", {}),
        ("files", {"report.pdf": 1}),
        ("surprise", 1),
    ],
)
def test_a_wrong_manifest_rightly_signed(tmp_path: Path, plan: Plan, verify: Verify, name: str, value: Any) -> None:
    assert verify(remade(tmp_path / "a.zip", plan, lambda stated: stated.update({name: value})))


def test_m50_unknown_format_version(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    path = remade(tmp_path / "a.zip", plan, lambda stated: stated.update(format="bailiwick-package/9"))
    assert named(verify(path), "manifest.json", "unknown format 'bailiwick-package/9'")


def test_a_manifest_not_canonical(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    contents = synthetic.files(plan)
    stated = synthetic.manifest(plan, contents)
    for spelled in (
        stated + b"\n",
        b"\xef\xbb\xbf" + stated,
        json.dumps(json.loads(stated)).encode(),
        stated.replace(b'"entries":7', b'"entries":7.0'),
        stated.replace(b'"entries":7', b'"entries":1,"entries":7'),
        stated.replace(b"November", b"\\u004eovember"),
        b"[]",
        b"",
        b"[" * 100_000,
    ):
        bundle.write_bundle(tmp_path / "a.zip", synthetic.signed(contents, spelled))
        assert named(verify(tmp_path / "a.zip"), "manifest.json")


def test_unsigned_or_signed_by_another(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    other = Signer(PACKAGES.name, bytes([9]) * 32)
    contents = {**synthetic.files(plan), "report.pdf": b"%PDF forged"}
    stated = synthetic.manifest(plan, contents)
    old = synthetic.signed(synthetic.files(plan), synthetic.manifest(plan, synthetic.files(plan)))
    bundle.write_bundle(tmp_path / "a.zip", {**contents, "manifest.json": stated, "manifest.sig": old["manifest.sig"]})
    assert named(verify(tmp_path / "a.zip"), "manifest.sig", "another manifest")
    bundle.write_bundle(tmp_path / "b.zip", synthetic.signed(contents, stated, other))
    assert named(verify(tmp_path / "b.zip"), "manifest.sig", "expected key")
    forged = plan.but(key=other)
    path = package(tmp_path / "c.zip", forged, {"report.pdf": b"%PDF forged"})
    assert named(verify(path), "keys/package.vkey", "--package-key")
    # Nobody compared the key: it cannot be told, and the answer says that it was not.
    assert verify(path, pinned=False) == []


# --- the log -------------------------------------------------------------------------------------------------


def test_m14_a_log_rewritten_with_another_key(tmp_path: Path, verify: Verify) -> None:
    thief = Signer(LOG.name, bytes([7]) * 32)
    rewritten = Log([synthetic.entry(number, source="forged") for number in range(13)], signer=thief)
    path = package(tmp_path / "a.zip", Plan(rewritten))
    assert named(verify(path), "keys/log.vkey", "--key")
    assert verify(path, pinned=False) == []


def test_m16_a_log_rewritten_with_the_same_key(tmp_path: Path, good: Path, plan: Plan, verify: Verify) -> None:
    rewritten = Log([synthetic.entry(number, source="forged") for number in range(20)])
    later = package(tmp_path / "later.zip", Plan(rewritten, earlier=(13,)))
    assert verify(later) == []
    assert named(verify(later, "--previous", str(good)), "good.zip", "rewritten")
    (tmp_path / "old.txt").write_text(plan.log.note(5))
    assert named(verify(later, "--previous", str(tmp_path / "old.txt")), "old.txt", "rewritten")


def test_an_honest_successor(tmp_path: Path, good: Path, plan: Plan, verify: Verify) -> None:
    longer = Plan(synthetic.log(30), earlier=(13,))
    later = package(tmp_path / "later.zip", longer)
    assert verify(later, "--previous", str(good)) == []
    assert verify(good, "--previous", str(good)) == []
    for size, connected in ((2, False), (3, True), (7, True), (11, True), (12, False), (13, True), (14, False)):
        (tmp_path / "old.txt").write_text(longer.log.note(size))
        failures = verify(later, "--previous", str(tmp_path / "old.txt"))
        assert (failures == []) is connected, size
        assert connected or named(failures, "old.txt", "nothing in the package connects")


def test_m17_a_log_that_was_cut(tmp_path: Path, good: Path, verify: Verify) -> None:
    (tmp_path / "new.txt").write_text(synthetic.log(14).note(14))
    assert named(verify(good, "--previous", str(tmp_path / "new.txt")), "new.txt", "larger")


def test_previous_that_is_no_checkpoint_of_this_log(tmp_path: Path, good: Path, verify: Verify) -> None:
    other = Log(synthetic.log().entries, signer=Signer("other.example/ledger", bytes([1]) * 32))
    empty = LOG.sign(checkpoint_text(LOG.name, 0, merkle.EMPTY_ROOT))
    for text in (other.note(5), empty, "", "hello", synthetic.log().note(5)[:-2] + "\n", "x" * 2_000_000):
        (tmp_path / "old.txt").write_text(text)
        assert named(verify(good, "--previous", str(tmp_path / "old.txt")), "old.txt")
    assert named(verify(good, "--previous", str(tmp_path / "absent")), "absent")
    truncated = tmp_path / "cut.zip"
    truncated.write_bytes(good.read_bytes()[:-5])
    assert named(verify(good, "--previous", str(truncated)), "cut.zip")


def lines_changed(name: str, change: Callable[[list[bytes]], Any]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def apply(contents: dict[str, bytes]) -> dict[str, bytes]:
        lines = contents[name].splitlines(keepends=True)
        change(lines)
        return {name: b"".join(lines)}

    return apply


def swap(lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def document_changed(name: str, **values: Any) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda contents: {name: canonicalize({**json.loads(contents[name]), **values})}


E, D, L, C = "entries.jsonl", "disclosures.jsonl", "proofs/leaves.txt", "entries.csv"
R, K, H = "proofs/range.json", "proofs/consistency.json", "checkpoint.txt"
POLICY_FILE = f"policy/{synthetic.AGENT}-r3.json"
Contents = dict[str, bytes]


def first_line(name: str, old: bytes, new: bytes, *, at: int = 0) -> Callable[[Contents], Contents]:
    return lines_changed(name, lambda lines: lines.__setitem__(at, lines[at].replace(old, new)))


def replaced(name: str, data: bytes) -> Callable[[Contents], Contents]:
    return lambda _: {name: data}


def earlier(*proofs: Any) -> Callable[[Contents], Contents]:
    return document_changed(K, **{"from": list(proofs)})


def head(origin: str, size: int) -> bytes:
    return LOG.sign(checkpoint_text(origin, size, b"r" * 32)).encode()


# name → (how the files change, the file that the verifier must name)
TAMPERED: dict[str, tuple[Callable[[Contents], Contents], str]] = {
    "M01 bit in an entry": (first_line(E, b'"tv":1', b'"tv":2'), E),
    "M06 first entry gone": (lines_changed(E, lambda lines: lines.pop(0)), E),
    "M07 last entry gone": (lines_changed(E, lambda lines: lines.pop()), E),
    "M08 middle entry gone": (lines_changed(E, lambda lines: lines.pop(3)), E),
    "M10 entry appended": (lines_changed(E, lambda lines: lines.append(lines[0])), E),
    "M11 entry doubled": (lines_changed(E, lambda lines: lines.insert(0, lines[0])), E),
    "M12 neighbours swapped": (lines_changed(E, swap), E),
    "M38 duplicate key": (first_line(E, b'{"actor":', b'{"v":1,"actor":'), E),
    "M39 another normal form": (first_line(E, b"east", "e\u0301ast".encode()), E),
    "M40 number respelled": (first_line(E, b'"tv":1', b'"tv":1.0'), E),
    "M41 trailing space": (first_line(E, b"\n", b" \n"), E),
    "M41 blank line": (lines_changed(E, lambda lines: lines.append(b"\n")), E),
    "M41 byte order mark": (first_line(E, b'{"actor":', b'\xef\xbb\xbf{"actor":'), E),
    "M42 NUL": (first_line(E, b"east", b"\\u0000"), E),
    "M42 lone surrogate": (first_line(E, b"east", b"\\ud800"), E),
    "M42 not UTF-8": (first_line(E, b"east", b"\xff"), E),
    "B03 deep": (lines_changed(E, lambda lines: lines.__setitem__(0, b"[" * 100_000 + b"\n")), E),
    "no newline": (lines_changed(E, lambda lines: lines.__setitem__(-1, lines[-1][:-1])), E),
    "M02 leaf hash": (first_line(L, b"a", b"b"), E),
    "leaf of another place": (lines_changed(L, swap), L),
    "leaf gone": (lines_changed(L, lambda lines: lines.pop()), L),
    "leaf appended": (lines_changed(L, lambda lines: lines.append(b"11 " + lines[0][2:])), L),
    "leaf doubled": (lines_changed(L, lambda lines: lines.append(lines[-1])), L),
    "hidden entry": (first_line(L, b"entry", b"other"), E),
    "unknown mark": (first_line(L, b"entry", b"ghost"), L),
    "M45 another value": (first_line(D, b"Ada", b"Eve"), D),
    "M45 another salt": (first_line(D, b'"salt":"', b'"salt":"A'), D),
    "value of another entry": (first_line(D, b'x":3', b'x":4'), D),
    "value of no entry": (first_line(D, b'x":10', b'x":12', at=-1), D),
    "value outside the scope": (first_line(D, b'x":6', b'x":5', at=3), D),
    "unknown field": (first_line(D, b"actor_label", b"actor_name"), D),
    "value doubled": (lines_changed(D, lambda lines: lines.insert(0, lines[0])), D),
    "values swapped": (lines_changed(D, swap), D),
    "values cut": (lines_changed(D, lambda lines: lines.__setitem__(-1, lines[-1][:-9])), D),
    "csv cell": (first_line(C, b"decided", b"denied", at=1), C),
    "csv formula set free": (first_line(C, b"'=", b"=", at=1), C),
    "csv header": (first_line(C, b"index", b"Index"), C),
    "csv row gone": (lines_changed(C, lambda lines: lines.pop()), C),
    "csv row added": (lines_changed(C, lambda lines: lines.append(lines[1])), C),
    "csv empty": (replaced(C, b""), C),
    "M28 policy text": (replaced(POLICY_FILE, b'{"limits":{"files":21}}'), POLICY_FILE),
    "policy not canonical": (replaced(POLICY_FILE, b"{}\n"), POLICY_FILE),
    "M33 empty range proof": (document_changed(R, left=[], right=[]), R),
    "M34 extra node": (document_changed(R, right=["00" * 32] * 9), R),
    "M03 node": (document_changed(R, left=["00" * 32] * 2), L),
    "M35 other range": (document_changed(R, first=2), R),
    "range of another size": (document_changed(R, size=12), R),
    "range of text": (document_changed(R, left="00"), R),
    "consistency emptied": (earlier({"size": 2, "root": "00" * 32, "proof": []}), K),
    "consistency from nothing": (earlier({"size": 0, "root": "00" * 32, "proof": []}), K),
    "consistency beyond": (earlier({"size": 14, "root": "00" * 32, "proof": []}), K),
    "consistency of another size": (document_changed(K, size=12), K),
    "consistency malformed": (earlier(7), K),
    "M04 other root signed": (replaced(H, head(LOG.name, 13)), H),
    "M21 other size signed": (replaced(H, synthetic.log().note(12).encode()), H),
    "M05 signature": (lambda files: {H: files[H][:-9] + b"AAAAAAA=\n"}, H),
    "M05 no signature": (lambda files: {H: files[H].partition(b"\n\n")[0] + b"\n"}, H),
    "M19 other origin": (replaced(H, head("other", 13)), H),
    "key text": (replaced("keys/log.vkey", b"nonsense\n"), "keys/log.vkey"),
    "key without newline": (lambda files: {"keys/log.vkey": files["keys/log.vkey"][:-1]}, "keys/log.vkey"),
    "summary": (replaced("summary.json", b'{"entries":9}'), "summary.json"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_and_signed_again(tmp_path: Path, plan: Plan, verify: Verify, case: str) -> None:
    """The forger holds the package key: manifest and signature are right, only the log's proof can tell."""
    change, file = TAMPERED[case]
    contents = synthetic.files(plan)
    changed = change(contents)
    assert any(contents.get(name) != data for name, data in changed.items())
    path = package(tmp_path / "a.zip", plan, changed, entries=7)
    assert named(verify(path), file)


def test_an_entry_removed_everywhere(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    """M09: leaves renumbered, CSV and values adjusted, everything signed by the package key; the log's is safe."""
    shorter = Log([item for number, item in enumerate(plan.log.entries) if number != 4])
    contents = synthetic.files(plan.but(log=shorter, last_exclusive=10, outside=frozenset({4}), withheld=frozenset()))
    contents["checkpoint.txt"] = plan.log.note(13).encode()
    stated = synthetic.manifest(plan.but(last_exclusive=10), contents)
    bundle.write_bundle(tmp_path / "a.zip", synthetic.signed(contents, stated))
    assert verify(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recorded_at": "2026-11-22T00:00:00.000000Z"}, "outside the period"),
        ({"recorded_at": "2026-11-20T23:59:59.999999Z"}, "outside the period"),
        ({"recorded_at": "2026-11-21T04:00:00Z"}, "malformed id or time"),
        ({"v": 2}, "version"),
        ({"v": True}, "version"),
        ({"id": "0192F1C4-0000-7ABC-8DEF-000000000004"}, "malformed id"),
        ({"id": "0192f1c4-0000-7abc-8def-000000000003"}, "there twice"),
        ({"actor": {"kind": "ghost", "id": "x"}}, "actor"),
        ({"agent": "me"}, "agent"),
        ({"commitments": {"a": "zz"}}, "commitment"),
        ({"data": []}, "data"),
        ({"tv": 0}, "version"),
        ({"surprise": 1}, "members"),
        ({"data": {"revision": 3, "policy_digest": "00" * 32}}, "policy revision 3"),
    ],
)
def test_a_log_that_holds_a_wrong_entry(tmp_path: Path, verify: Verify, changes: dict[str, Any], reason: str) -> None:
    """Signed and sealed, and still not an entry of this format: the writer was at fault, or is not ours."""
    entries = [synthetic.entry(number) for number in range(13)]
    entries[4] = synthetic.entry(4, **changes)
    plan = Plan(Log(entries), withheld=frozenset({(4, "command"), (4, "actor_label")}))
    assert named(verify(package(tmp_path / "a.zip", plan)), "entries.jsonl", reason)


def test_summary_that_agrees(tmp_path: Path, plan: Plan, verify: Verify) -> None:
    summary: JSONValue = {
        "entries": 7,
        "disclosed": 13,
        "withheld_or_erased": 1,
        "types": {"approvals.check.decided": 7},
    }
    assert verify(package(tmp_path / "a.zip", plan.but(extra={"summary.json": canonicalize(summary)}))) == []


def test_withheld_values_are_counted_not_refused(tmp_path: Path, plan: Plan) -> None:
    withheld = frozenset((index, name) for index in range(13) for name in ("actor_label", "command"))
    done = command(package(tmp_path / "a.zip", plan.but(withheld=withheld)))
    assert done.returncode == 0
    assert "0 disclosed and matching, 14 withheld or erased" in done.stdout


def test_text_from_the_package_cannot_steer_the_terminal(tmp_path: Path, plan: Plan) -> None:
    done = command(package(tmp_path / "a.zip", plan, title="x\x1b[2JGENUINE\n"))
    assert "\x1b" not in done.stdout


def test_b58_formulas_are_tied_in_the_csv(plan: Plan) -> None:
    line = evidence.csv_line(3, plan.log.entries[3][0], plan.log.leaves[3])
    assert b'"\'=1+1"' in line
