"""Signed notes and checkpoints against the published Go and C2SP examples, and every mangling of them."""

import json
from pathlib import Path

import pytest

from portal.ledger.rules.note import (
    NoteError,
    Signer,
    Verifier,
    checkpoint_text,
    open_note,
    parse_checkpoint,
)

DATA = Path(__file__).parents[2] / "data" / "note"
GO = json.loads((DATA / "peter-neumann.json").read_text())
TEXT: str = GO["text"]
PETER = Verifier.from_vkey(GO["vkey"])
ENOCH = Verifier.from_vkey(GO["enoch_vkey"])
NOTE = f"{TEXT}\n{GO['peter_line']}{GO['enoch_line']}"


def test_signs_as_go_does() -> None:
    signer = Signer.from_private_text(GO["skey"])
    assert signer.vkey == GO["vkey"]
    assert signer.private_text() == GO["skey"]
    assert signer.sign(TEXT) == f"{TEXT}\n{GO['peter_line']}"
    assert GO["skey"][-44:] not in repr(signer)


def test_opens_what_go_signed() -> None:
    assert open_note(NOTE, [PETER]) == TEXT
    assert open_note(NOTE.encode(), [PETER, ENOCH]) == TEXT
    assert PETER.vkey == GO["vkey"]


@pytest.mark.parametrize("which", ["skey", "vkey"])
def test_every_mangling_of_a_key_is_refused(which: str) -> None:
    key: str = GO[which]
    read = Verifier.from_vkey if which == "vkey" else Signer.from_private_text
    pieces = {key[start:end] for start in range(len(key)) for end in range(start, len(key) + 1)} - {key}
    bumped = {key[:place] + chr(ord(key[place]) + 1) + key[place + 1 :] for place in range(len(key))}
    for bad in [*pieces, *bumped, key + "\n", key + " ", key + "=", " " + key]:
        with pytest.raises(NoteError):
            read(bad)


def test_keys_of_the_wrong_kind() -> None:
    for bad in (GO["wrong_length_vkey"], GO["wrong_algorithm_vkey"], GO["skey"], "", "a+b"):
        with pytest.raises(NoteError):
            Verifier.from_vkey(bad)
    for name in ("", "a b", "a+b", "a\u2003b", "a\nb"):
        with pytest.raises(NoteError):
            Signer(name, bytes(32))
    with pytest.raises(NoteError):
        Signer("a", bytes(31))


def test_a_note_needs_a_known_good_signature() -> None:
    with pytest.raises(NoteError, match="no signature by a known key"):
        open_note(NOTE, [])
    namesake = Signer("PeterNeumann", bytes(32))
    with pytest.raises(NoteError, match="no signature by a known key"):
        open_note(NOTE, [namesake.verifier])
    with pytest.raises(NoteError, match="wrong"):
        open_note("X" + NOTE, [PETER])
    with pytest.raises(NoteError, match="PeterNeumann"):
        open_note(NOTE.replace("ZJku", "ZJkv"), [PETER, ENOCH])


def test_every_single_bit_of_a_note_counts() -> None:
    note = f"{TEXT}\n{GO['peter_line']}".encode()
    for place in range(len(note)):
        for bit in range(8):
            changed = bytearray(note)
            changed[place] ^= 1 << bit
            with pytest.raises(NoteError):
                open_note(bytes(changed), [PETER])


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + "\n",
        f"{TEXT}\n{GO['peter_line'][:-1]}",
        f"{TEXT}\n{GO['peter_line']}Unexpected line.\n",
        f"{TEXT}\n{GO['peter_line']}\n",
        f"{TEXT}\n{GO['peter_line']} ",
        f"{TEXT}\n{GO['peter_line']}".replace("— ", "– "),
        f"{TEXT}\n{GO['peter_line']}".replace("— ", "- "),
        f"{TEXT}\n{GO['peter_line']}".replace("— ", "—  "),
        f"{TEXT}\n{GO['peter_line']}".replace("\n", "\r\n"),
        f"{TEXT}\n{GO['peter_line'][:-1]} \n",
        f"{TEXT}\n{GO['peter_line']}".replace("AM=\n", "AN=\n"),
        f"{TEXT}\n{GO['peter_line']}".replace("AM=\n", "AM\n"),
        f"\x01{TEXT}\n{GO['peter_line']}",
        f"{TEXT}\n{GO['peter_line'] * 101}",
        f"{TEXT}\n— PeterNeumann x08gow==\n",
    ],
)
def test_malformed_notes(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, [PETER])


def test_two_different_keys_of_one_name_and_id_are_ambiguous() -> None:
    assert open_note(NOTE, [PETER, PETER]) == TEXT


def test_checkpoint_round_trip() -> None:
    signer = Signer("example.com/log", bytes(range(32)))
    note = signer.sign(checkpoint_text("example.com/log", 7, b"r" * 32))
    checkpoint = parse_checkpoint(open_note(note, [signer.verifier]))
    assert checkpoint == ("example.com/log", 7, b"r" * 32, ())


def test_published_examples_parse() -> None:
    sofa = (DATA / "behind-the-sofa.txt").read_text()
    checkpoint = parse_checkpoint(sofa.rpartition("\n\n")[0] + "\n")
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    for name in ("behind-the-sofa.txt", "salvatore.txt"):
        with pytest.raises(NoteError, match="no signature by a known key"):
            open_note((DATA / name).read_bytes(), [PETER])


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"o\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"o\n01\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n1 \n{ROOT}\n",
        f"o\n١\n{ROOT}\n",
        f"o\n{'9' * 30}\n{ROOT}\n",
        f"o\n1\n{ROOT[:-1]}\n",
        f"o\n1\n{ROOT[:-2]}J=\n",
        "o\n1\nAAAA\n",
        f"o\n1\n{ROOT}\n\n",
        f"o\n1\n{ROOT}\nx\n\ny\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(text)


def test_extension_lines_are_kept() -> None:
    assert parse_checkpoint(f"o\n0\n{ROOT}\nmore\n").extension_lines == ("more",)


def test_what_cannot_be_signed() -> None:
    signer = Signer("a", bytes(32))
    for text in ("", "no newline", "tab\t\n", "bell\a\n"):
        with pytest.raises(NoteError):
            signer.sign(text)
    for origin, size, root in (
        ("", 0, bytes(32)),
        ("a\nb", 0, bytes(32)),
        ("a", -1, bytes(32)),
        ("a", 0, b""),
    ):
        with pytest.raises(NoteError):
            checkpoint_text(origin, size, root)
