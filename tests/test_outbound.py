"""The door out: what may be an address, what a name may lead to, and how long and how much is listened."""

import ssl
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from portal import outbound
from portal.outbound import NotSent, Place, is_public, post, read_place
from tests.receiver import HOST, Names, Receiver, names, receiver, receiving_server

__all__ = ["names", "receiver", "receiving_server"]

HEADERS = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/a",
        "ftp://hooks.example.com/a",
        "https:///a",
        "//hooks.example.com/a",
        "hooks.example.com",
        "https://hooks.example.com:8443/a",
        "https://hooks.example.com:80/a",
        "https://hooks.example.com:0/a",
        "https://hooks.example.com:99999/a",
        "https://user@hooks.example.com/a",
        "https://user:word@hooks.example.com/a",
        "https://hooks.example.com@127.0.0.1/",
        "https://127.0.0.1\\@hooks.example.com/",
        "https://hooks.example.com./a",
        "https://hooks..example.com/a",
        "https://.example.com/a",
        "https://-a.example.com/a",
        "https://localhost/a",
        "https://redis/a",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.01/",
        "https://127.0.0.0x1/",
        "https://1.2.3/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[::ffff:127.0.0.1.example]/",
        "https://hooks.example.com%2f@127.0.0.1/",
        "https://%31%32%37.0.0.1/",
        "https://hooks.example。com/a",
        "https://ｌｏｃａｌｈｏｓｔ/",
        "https://①②⑦.0.0.1/",
        "https://bücher.example/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/a\r\nX-Injected: 1",
        "https://hooks.example.com/\t",
        "https://hooks.example.com/\x00",
        f"https://hooks.example.com/{'a' * 1000}",
        "",
    ],
)
def test_addresses_that_are_refused_as_they_stand(url: str) -> None:
    with pytest.raises(NotSent) as refused:
        read_place(url)
    assert refused.value.final


def test_addresses_that_may_be_tried() -> None:
    assert read_place("https://Hooks.Example.COM/a?b=c#d") == Place("hooks.example.com", 443, "/a?b=c", False, False)
    assert read_place("https://xn--bcher-kva.example:443").target == "/"
    assert read_place("https://192.0.2.1/").host == "192.0.2.1"
    assert read_place("https://[2001:DB8::1]/").host == "2001:db8::1"


def test_a_listed_host_is_listed_with_its_port(settings: Settings) -> None:
    settings.BAILIWICK_OUTBOUND_PRIVATE = ["Chat.Corp", "10.0.0.7:8443", "[fd00::1]"]
    assert read_place("http://chat.corp/a") == Place("chat.corp", 80, "/a", True, True)
    assert read_place("https://chat.corp/a").inside
    assert read_place("https://10.0.0.7:8443/a").inside
    assert read_place("https://[fd00:0::1]/a").inside
    for url in ("https://chat.corp:8443/a", "http://10.0.0.7/", "http://other.corp/", "http://chat.corp.evil.example/"):
        with pytest.raises(NotSent):
            read_place(url)
    assert not read_place("https://10.0.0.7/").inside


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.1", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9",
        "192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1",
        "::127.0.0.1", "::ffff:127.0.0.1",
        "::ffff:8.8.8.8", "::ffff:0:7f00:1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12::1", "ff02::1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::", "2001::1",
        "2001:db8::1", "2001:20::1", "3fff::1", "100::1", "4000::1", "garbage", "",
    ],
)  # fmt: skip
def test_addresses_of_the_inside_in_every_disguise(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@given(st.text(max_size=60))
def test_anything_typed_is_a_place_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/a"):
        try:
            place = read_place(url)
        except NotSent:
            continue
        assert place.host.isascii()
        assert place.port == 443
        assert not place.plain
        assert place.target.startswith("/")


def test_a_message_arrives(receiver: Receiver) -> None:
    answer = post(receiver.url, b'{"a":1}', HEADERS)
    assert (answer.status, answer.body) == (200, b"ok")
    (got,) = receiver.got
    assert got.json == {"a": 1}
    assert got.headers["host"] == f"{HOST}:{receiver.port}"
    assert got.path == "/hooks/T0123456789/secret-of-the-path"


def test_b67_the_name_is_asked_once_and_a_second_answer_cannot_win(receiver: Receiver, names: Names) -> None:
    post(receiver.url, b"{}", HEADERS)
    assert names.asked == [HOST]


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["fd00::1"]]
)
def test_b67_a_name_that_leads_inside_is_not_connected_to(
    receiver: Receiver, names: Names, settings: Settings, addresses: list[str]
) -> None:
    """The receiver listens there and would answer; one private address among public ones is enough to refuse."""
    settings.BAILIWICK_OUTBOUND_PRIVATE = []
    names.known["rebound.example.com"] = addresses
    with pytest.raises(NotSent, match="not of the public internet") as refused:
        post("https://rebound.example.com/", b"{}", HEADERS)
    assert refused.value.final
    assert receiver.got == []


def test_b67_a_redirect_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": "http://169.254.169.254/latest/meta-data/"}
    assert post(receiver.url, b"{}", HEADERS).status == 302
    assert len(receiver.got) == 1


def test_b68_a_huge_answer_is_cut(receiver: Receiver) -> None:
    receiver.answer = b"x" * 3_000_000
    assert len(post(receiver.url, b"{}", HEADERS).body) == outbound.MOST_BYTES


def test_b68_a_drip_ends_with_the_time(receiver: Receiver) -> None:
    receiver.slow = 0.2  # each byte comes in time; all of them would take eight seconds
    with pytest.raises(NotSent, match="did not answer within"):
        post(receiver.url, b"{}", HEADERS, seconds=2)


def test_b68_a_resolver_that_hangs_ends_with_the_time(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> list[object]:
        time.sleep(2)
        return []

    monkeypatch.setattr("socket.getaddrinfo", hang)
    with pytest.raises(NotSent, match="looked up in time"):
        post(receiver.url, b"{}", HEADERS, seconds=0.2)


def test_a_certificate_for_another_name_is_refused(receiver: Receiver, names: Names, settings: Settings) -> None:
    names.known["other.example.test"] = ["127.0.0.1"]
    settings.BAILIWICK_OUTBOUND_PRIVATE = [f"other.example.test:{receiver.port}"]
    with pytest.raises(NotSent, match="certificate is not accepted"):
        post(f"https://other.example.test:{receiver.port}/", b"{}", HEADERS)
    assert receiver.got == []


def test_a_certificate_of_an_unknown_issuer_is_refused(receiver: Receiver, settings: Settings) -> None:
    settings.BAILIWICK_OUTBOUND_CA_FILE = ""
    with pytest.raises(NotSent, match="certificate is not accepted") as refused:
        post(receiver.url, b"{}", HEADERS)
    assert isinstance(refused.value.__cause__, ssl.SSLCertVerificationError)


def test_surroundings_name_no_proxy(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.url, b"{}", HEADERS).status == 200


def test_nothing_leaves_when_it_is_switched_off(receiver: Receiver, settings: Settings, names: Names) -> None:
    settings.BAILIWICK_OUTBOUND = False
    with pytest.raises(NotSent, match="switched"):
        post(receiver.url, b"{}", HEADERS)
    assert receiver.got == []
    assert names.asked == []


def test_nobody_there(receiver: Receiver, names: Names, settings: Settings) -> None:
    settings.BAILIWICK_OUTBOUND_PRIVATE = [f"{HOST}:9"]
    with pytest.raises(NotSent, match="refused the connection"):
        post(f"https://{HOST}:9/", b"{}", HEADERS)
    with pytest.raises(NotSent, match="not known"):
        post("https://nowhere.example.com/", b"{}", HEADERS)
