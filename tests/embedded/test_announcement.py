"""What a ready portal says at the terminal."""

from pathlib import Path

from portal.embedded.announcement import announcement


def test_at_a_number_it_says_where_passkeys_work(tmp_path: Path) -> None:
    said = announcement(tmp_path, address="http://127.0.0.1:8801")
    assert "Bailiwick is ready: http://127.0.0.1:8801\nWith passkeys: http://localhost:8801 " in said


def test_under_a_name_there_is_nothing_to_add(tmp_path: Path) -> None:
    assert "passkeys" not in announcement(tmp_path, address="http://portal.example:8801")
