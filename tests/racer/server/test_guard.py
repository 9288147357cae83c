"""Who may come in: hosts, origins, tokens, kinds of body."""

from __future__ import annotations

from typing import Any

import pytest

from racer.config import ServerSettings, TokenSettings
from racer.server.guard import (
    HEARD,
    LARGEST_BODY,
    LOCAL,
    MOST_ASKED,
    NOBODY,
    Knock,
    check_body,
    gate_of,
    heard,
)
from racer.server.question import Refused
from racer_adapters.secret import Secret

MINE, YOURS = "token-of-mine-0123456789", "token-of-yours-0123456789"
ME = TokenSettings("me", "MINE", Secret(MINE), 5, 2)
YOU = TokenSettings("you", "YOURS", Secret(YOURS))


def knock(
    *more: tuple[str, str], host: str | None = "127.0.0.1:8190", target: str = "/", method: str = "GET",
    peer: str | None = "127.0.0.1",
) -> Knock:  # fmt: skip
    headers = [*([] if host is None else [("Host", host)]), *more]
    return Knock(method, target, [(name.encode(), value.encode("latin-1")) for name, value in headers], peer)


def enters(
    came: Knock, *, tokens: tuple[TokenSettings, ...] = (), page: bool = False, **settings: Any
) -> int:
    """0 for whoever may come in, else the status."""
    gate = gate_of(ServerSettings(**settings), tokens)
    try:
        gate.check_source(came, page=page)
        gate.holder(came)
    except Refused as refused:
        return refused.status
    return 0


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8190", "localhost:9", "LOCALHOST", "LocalHost:65535", "[::1]", "[::1]:8190"],
)
def test_this_machine(host: str) -> None:
    """By any of its own names, in any case, at any port: it may stand behind a tunnel."""
    assert enters(knock(host=host)) == 0


@pytest.mark.parametrize(
    "host",
    [
        "evil.com", "localhost.evil.com", "127.0.0.1.evil.com", "evil.localhost", "localhost.", "127.0.0.1.",
        "127.0.0.2", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "192.168.1.2", "127.1",
        "2130706433", "0x7f000001",
        "xn--localhost-", "localhost-", "127.0.0.1-evil.com",
    ],
)  # fmt: skip
def test_names_of_others(host: str) -> None:
    """A page may have its own name point here: the name gives it away."""
    assert enters(knock(host=host)) == 421


@pytest.mark.parametrize(
    "host",
    [
        "", " ", "localhost:80@evil", "evil@localhost", "localhost:", "localhost:x", "localhost:0",
        "localhost:65536",
        "localhost:99999999", "[::1].evil", "[::1", "::1", "localhost/", "localhost?x", "localhost#x",
        "localhost\\",
        "localhost,evil.com", "localhost evil.com", "local\thost", "127.0.0.1:8190:1", "löcalhost",
        "localhost\x00",
    ],
)  # fmt: skip
def test_what_is_no_host(host: str) -> None:
    """400, as it is nobody's name."""
    assert enters(knock(host=host)) == 400


def test_a_host_is_named_once() -> None:
    """Without one, and with two, nobody can say who is meant."""
    assert enters(knock(host=None)) == 400
    assert enters(knock(("host", "127.0.0.1"))) == 400
    assert enters(knock(("hOsT", "evil.com"))) == 400


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://evil.com/livez", 421), ("http://127.0.0.1/livez", 421), ("evil.com:443", 421), ("*", 421),
        ("//etc/passwd", 404), ("//evil.com/", 404), ("/livez", 0),
    ],
)  # fmt: skip
def test_only_a_path(target: str, status: int) -> None:
    """A request's first line names no host beside the Host header."""
    assert enters(knock(target=target)) == status


def test_further_hosts() -> None:
    """The configuration may name some; so does the address that it listens on."""
    assert enters(knock(host="racer.example.com"), hosts=("Racer.example.com",)) == 0
    assert enters(knock(host="example.com"), hosts=("racer.example.com",)) == 421
    assert enters(knock(host="10.0.0.5:8190"), host="10.0.0.5") == 0
    assert enters(knock(host="[fd00::5]"), host="fd00::5") == 0


@pytest.mark.parametrize(
    ("host", "status"), [("192.168.1.2:8190", 0), ("[fd00::1]", 0), ("evil.com", 421), ("", 400)]
)
@pytest.mark.parametrize("bound", ["0.0.0.0", "::"])
def test_every_address(bound: str, host: str, status: int) -> None:
    """Who listens on all of them is called by any: no page can have a number point here."""
    token = ("authorization", f"Bearer {MINE}")

    assert enters(knock(token, host=host), host=bound, tokens=(ME,)) == status


def test_other_machines() -> None:
    """Without a token, nobody from elsewhere is heard, whatever he calls us."""
    token = ("authorization", f"Bearer {MINE}")

    assert enters(knock(peer="192.168.1.2")) == 403
    assert enters(knock(peer="::1")) == 0
    assert enters(knock(peer=None)) == 0
    assert enters(knock(token, peer="192.168.1.2"), tokens=(ME,)) == 0


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8190", 0), ("https://127.0.0.1:8190", 0), ("HTTP://127.0.0.1:8190", 0),
        ("http://127.0.0.1", 403), ("http://127.0.0.1:3000", 403), ("http://localhost:8190", 403),
        ("https://evil.com", 403), ("null", 403), ("", 403), ("file://", 403),
        ("https://app.example.com", 0), ("https://app.example.com:444", 403),
        ("https://x.app.example.com", 403),
        ("http://app.example.com", 403), ("https://app.example.com.evil.com", 403), ("*", 403),
    ],
)  # fmt: skip
def test_origins(origin: str, status: int) -> None:
    """Our own pages, and those that the configuration names, to the letter."""
    assert enters(knock(("origin", origin)), cors=("https://app.example.com",)) == status


def test_the_origin_for_the_answer() -> None:
    """Only one that is configured is named in an answer; our own needs no leave."""
    gate = gate_of(ServerSettings(cors=("https://app.example.com",)), ())

    assert gate.check_source(knock(("origin", "https://app.example.com"))) == "https://app.example.com"
    assert gate.check_source(knock(("origin", "http://127.0.0.1:8190"))) is None
    assert gate.check_source(knock()) is None


@pytest.mark.parametrize(
    ("site", "page", "more", "status"),
    [
        ("same-origin", False, (), 0),
        ("none", False, (), 0),
        ("cross-site", False, (), 403),
        ("same-site", False, (), 403),
        ("", False, (), 403),
        ("cross-site", True, ("navigate", "document"), 0),
        ("cross-site", True, ("navigate", "iframe"), 403),
        ("cross-site", True, ("no-cors", "image"), 403),
        ("cross-site", False, ("navigate", "document"), 403),
    ],
)
def test_where_a_browser_comes_from(site: str, page: bool, more: tuple[str, ...], status: int) -> None:
    """A link to a page may be followed; nothing else that another site has begun is answered."""
    fetched = zip(("sec-fetch-mode", "sec-fetch-dest"), more, strict=False)

    assert enters(knock(("sec-fetch-site", site), *fetched), page=page) == status


def test_tokens() -> None:
    """Each has its holder; Authorization goes before x-api-key; without any token there is `local`."""
    gate = gate_of(ServerSettings(), (ME, YOU))

    assert gate.holder(knock(("authorization", f"Bearer {MINE}"))).name == "me"
    assert gate.holder(knock(("Authorization", f"bearer  {YOURS} "))).name == "you"
    assert gate.holder(knock(("X-Api-Key", YOURS))).name == "you"
    assert gate.holder(knock(("authorization", "Basic abc"), ("x-api-key", YOURS))).name == "you"
    assert gate.holder(knock(("authorization", f"Bearer {MINE}"), ("x-api-key", YOURS))).name == "me"
    assert gate.holder(knock(("authorization", f"Bearer {MINE}"))).requests_per_minute == 5
    assert gate_of(ServerSettings(), ()).holder(knock()) is LOCAL


def test_strangers() -> None:
    """Where there are tokens, who has shown none is nobody; elsewhere, everybody is `local`."""
    assert gate_of(ServerSettings(), (ME, YOU)).stranger is NOBODY
    assert gate_of(ServerSettings(), ()).stranger is LOCAL


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ((), "/"),
        ((("authorization", "Bearer"),), "/"),
        ((("authorization", "Bearer "),), "/"),
        ((("authorization", MINE),), "/"),
        ((("authorization", f"Basic {MINE}"),), "/"),
        ((("authorization", f"Bearer {MINE}x"),), "/"),
        ((("authorization", f"Bearer {MINE[:-1]}"),), "/"),
        ((("authorization", f"Bearer {MINE.upper()}"),), "/"),
        ((("authorization", "Bearer \xff\xfe"),), "/"),
        ((("x-api-key", ""),), "/"),
        ((("cookie", f"token={MINE}"),), "/"),
        ((), f"/?token={MINE}&api_key={MINE}&access_token={MINE}"),
    ],
)
def test_wrong_tokens(headers: tuple[tuple[str, str], ...], target: str) -> None:
    """401 for each, also for a right one in a wrong place; none is repeated."""
    with pytest.raises(Refused) as caught:
        gate_of(ServerSettings(), (ME,)).holder(knock(*headers, target=target))

    assert caught.value.status == 401
    assert MINE not in caught.value.message


def test_two_tokens() -> None:
    """Nobody could say which one counts."""
    assert enters(knock(*[("authorization", f"Bearer {MINE}")] * 2), tokens=(ME,)) == 400


def test_a_token_without_a_value() -> None:
    """Nothing is ever compared with nothing."""
    with pytest.raises(ValueError, match="me is not set"):
        gate_of(ServerSettings(), (TokenSettings("me", "MINE"),))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((("content-type", "application/json"),), 0),
        ((("Content-Type", "Application/JSON; charset=utf-8"), ("content-length", str(LARGEST_BODY))), 0),
        ((("content-type", "application/json"), ("content-encoding", "identity")), 0),
        ((), 415),
        ((("content-type", "text/plain"),), 415),
        ((("content-type", "multipart/form-data"),), 415),
        ((("content-type", "application/x-www-form-urlencoded"),), 415),
        ((("content-type", "text/plain; application/json"),), 415),
        ((("content-type", "application/json"), ("content-encoding", "gzip")), 415),
        ((("content-type", "application/json"), ("content-encoding", "br")), 415),
        ((("content-type", "application/json"), ("content-length", str(LARGEST_BODY + 1))), 413),
        ((("content-type", "application/json"), ("content-type", "application/json")), 400),
    ],
)
def test_bodies(headers: tuple[tuple[str, str], ...], status: int) -> None:
    """JSON as it is, and no more than 10 MiB of it: told before a byte was read."""
    if not status:
        check_body(knock(*headers))
        return
    with pytest.raises(Refused) as caught:
        check_body(knock(*headers))
    assert caught.value.status == status


def test_headers_of_other_origins() -> None:
    """Those that the official clients send, whatever they are called next year; nothing else is echoed."""
    asked = "X-Stainless-Retry-Count, openai-beta,anthropic-dangerous-direct-browser-access , cookie, x-a, *"

    assert heard(None) == heard("") == list(HEARD)
    assert heard(asked) == [
        *HEARD, "x-stainless-retry-count", "openai-beta", "anthropic-dangerous-direct-browser-access",
    ]  # fmt: skip
    assert heard("openai-beta,openai-beta") == [*HEARD, "openai-beta"]
    assert heard("openai-a b,openai-\r\nx,openai-*,openai-" + "a" * 99) == list(HEARD)
    assert len(heard(",".join(f"openai-{number}" for number in range(999)))) == len(HEARD) + MOST_ASKED
