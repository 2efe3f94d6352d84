"""Gzip bodies: whole, cut short, and the ones made to explode."""

import gzip

import pytest

from reports.ingest.compressed import gunzip_bounded
from reports.ingest.incoming import BodyTooLarge, IngestError


def test_a_body_up_to_the_limit_comes_back() -> None:
    data = b"x" * 1000
    assert gunzip_bounded(gzip.compress(data), 1000) == data
    assert gunzip_bounded(gzip.compress(data[:400]) + gzip.compress(data[400:]), 1000) == data
    assert gunzip_bounded(gzip.compress(b""), 0) == b""


def test_one_byte_over_the_limit_is_refused_in_one_member_or_several() -> None:
    with pytest.raises(BodyTooLarge):
        gunzip_bounded(gzip.compress(b"x" * 1001), 1000)
    with pytest.raises(BodyTooLarge):
        gunzip_bounded(gzip.compress(b"x" * 600) + gzip.compress(b"x" * 401), 1000)


def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000), compresslevel=9)
    assert len(bomb) < 100_000
    with pytest.raises(BodyTooLarge):
        gunzip_bounded(bomb, 1_000_000)


def test_thousands_of_empty_members_are_refused() -> None:
    with pytest.raises(BodyTooLarge):
        gunzip_bounded(gzip.compress(b"") * 1000, 1_000_000)


@pytest.mark.parametrize(
    "data",
    [b"", b"plain", gzip.compress(b"cut short")[:-4], gzip.compress(b"whole") + b"rubbish"],
    ids=["empty", "plain", "cut short", "rubbish after it"],
)
def test_what_is_not_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(IngestError):
        gunzip_bounded(data, 1000)
