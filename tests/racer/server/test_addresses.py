"""Which addresses the whole world could read."""

from __future__ import annotations

import pytest

from racer.server.addresses import is_public


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "https://example.com./a.png",
        "HTTPS://EXAMPLE.COM:8443/a.png?x=1#y",
        "https://8.8.8.8/a.png",
        "https://[2606:4700::1111]/a.png",
        "https://[2606:4700::1111]:443/a.png",
        "https://face.b00c.de/a.png",
        "https://cafe.ac/a.png",
        "https://bücher.example.com/a.png",
        "https://例え.テスト/a.png",
        "https://xn--bcher-kva.com/a.png",
        "https://my_bucket.s3.example.com/a.png",
    ],
)
def test_public(url: str) -> None:
    """Names, also of other scripts, and numbers of the public network."""
    assert is_public(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "https:example.com",
        "https:///a.png",
        "//example.com/a.png",
        "",
        "https://user@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https://127.0.0.1\\.example.com/",
        "https://%31%32%37.0.0.1/",
        "https://example.com:x/",
        "https://a..b/",
        "https://.example.com/",
        "https://" + "a" * 64 + ".com/",
        "https://exa mple.com/",
    ],
)
def test_no_address_of_a_picture(url: str) -> None:
    """What is no plain https: URL of a host."""
    assert not is_public(url)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost.", "foo.localhost", "printer.local", "db.internal", "metadata", "router.lan",
        "box.home.arpa", "1.0.0.127.in-addr.arpa", "foo.ⓛocalhost", "ｌocalhost", "foo.LOCALHOST.",
        "127.0.0.1", "127.0.0.1.", "127.0.0.1.:443", "10.0.0.1", "192.168.1.1:8080", "169.254.169.254",
        "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "2130706433", "0x7f.1", "0x7f000001", "127.1", "0177.0.0.1", "0251.0376.0251.0376", "1.2.3.4.5",
        "8.8.8.0x8", "a.169.254.169.254", "0x.0x",
        "①②⑦.⓪.⓪.①", "①⑥⑨.②⑤④.①⑥⑨.②⑤④", "10。0.0.1", "192.168.1.1。", "a.169。254.169.254", "127．0．0｡1",
        "127.0.0.\u00ad1", "\U0001fbf1\U0001fbf2\U0001fbf7.0.0.1", "１２７.0.0.1",
    ],
)  # fmt: skip
def test_this_machine_and_its_network(host: str) -> None:
    """However it is written: letters, dots and digits of all kinds are those that they stand for."""
    assert not is_public(f"https://{host}/")


@pytest.mark.parametrize(
    "address",
    [
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "::ffff:7f00:1",
        "::ffff:8.8.8.8", "0:0:0:0:0:ffff:a00:1", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1",
        "fd00::1", "fd00::10.0.0.1", "fe80::1", "fe80::1.2.3.4", "fe80::1%25eth0", "2606:4700::1%eth0",
        "fec0::1",
        "ff02::1", "2001:db8::1", "2001::7f00:1", "2002:7f00:1::", "100::1", "v1.fe80", "", ":::", "8.8.8.8",
        "::1]evil.com[",
    ],
)  # fmt: skip
def test_longer_numbers(address: str) -> None:
    """None of a network of its own, and none that stands for an address of IPv4."""
    assert not is_public(f"https://[{address}]/")
    assert not is_public(f"https://[{address}]:443/")


def test_behind_brackets() -> None:
    """Nothing but a port."""
    assert not is_public("https://[2606:4700::1111]evil.com/")
    assert not is_public("https://evil.com[2606:4700::1111]/")
    assert not is_public("https://[2606:4700::1111/")
