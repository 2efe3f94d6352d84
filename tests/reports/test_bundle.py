"""The package ZIP: the same bytes every time, readable by others, large sizes in ZIP64, refused names refused."""

import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from reports.render import bundle, evidence


def test_bytes_follow_from_the_contents_alone(tmp_path: Path) -> None:
    spooled = tmp_path / "spool"
    spooled.write_bytes(b"x" * (3 * bundle.PIECE + 1))
    one = bundle.write_bundle(tmp_path / "1.zip", {"b.txt": spooled, "a/c.txt": b"c"})
    two = bundle.write_bundle(tmp_path / "2.zip", {"a/c.txt": b"c", "b.txt": spooled.read_bytes()})
    data = (tmp_path / "1.zip").read_bytes()
    assert data == (tmp_path / "2.zip").read_bytes()
    assert one == two
    assert (one.sha256, one.bytes) == (sha256(data).hexdigest(), len(data))
    assert one.files["a/c.txt"].sha256 == sha256(b"c").hexdigest()


def test_other_readers_agree(tmp_path: Path) -> None:
    bundle.write_bundle(tmp_path / "a.zip", {"a.txt": b"hello", "b/empty": b""})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "b/empty"]
        info = archive.getinfo("a.txt")
    assert (info.compress_type, info.date_time, info.external_attr >> 16) == (0, (1980, 1, 1, 0, 0, 0), 0o100644)


def test_zip64_when_sizes_or_places_are_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LIMIT", 99)
    contents = {"a": b"1" * 99, "b": b"2" * 100, "c": b"3"}
    bundle.write_bundle(tmp_path / "a.zip", contents)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert [info.extract_version for info in archive.infolist()] == [20, 45, 45]


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    spooled = tmp_path / "spool"
    spooled.write_bytes(b"one")
    stale = {"a": bundle.digest(b"two")}
    with pytest.raises(bundle.BundleError, match="changed"):
        bundle.write_bundle(tmp_path / "a.zip", {"a": spooled}, known=stale)
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


@pytest.mark.parametrize(
    "names",
    [
        [],
        [""],
        ["../a"],
        ["/a"],
        ["a/../b"],
        ["a//b"],
        ["a\\b"],
        ["./a"],
        [".a"],
        ["é"],
        ["a b"],
        ["a\n"],
        ["a/"],
        ["A", "a"],
        ["x" * 201],
        ["C:a"],
    ],
)
def test_names_that_are_refused(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(bundle.BundleError):
        bundle.write_bundle(tmp_path / "a.zip", dict.fromkeys(names, b""))


@pytest.mark.parametrize("start", evidence.FORMULA_STARTS)
def test_b58_cells_never_start_a_formula(start: str) -> None:
    assert evidence.cell(f'{start}cmd|"/c calc"') == f'"\'{start}cmd|""/c calc"""'


def test_plain_cells_stay() -> None:
    assert evidence.cell("a=1") == '"a=1"'
    assert evidence.cell("") == '""'
