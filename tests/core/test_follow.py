"""racer/core/follow.py: where a request with our key in it may go, and what it carries."""

from __future__ import annotations

import pytest

from racer.core.follow import followed, mislaid, undone
from racer_adapters.errors import Kind, WireError
from racer_adapters.replicate import REPLICATE
from racer_adapters.types import FollowUp, Undo, WireRequest

DECODER = REPLICATE.decoder()
KIN = frozenset({"jobs.test", "streams.test"})
KEY = "Bearer test-key-" + "x" * 12
HEADERS = {"content-type": "application/json", "authorization": KEY, "x-title": "mine"}
FIRST = WireRequest("POST", "https://api.jobs.test/v1/models/a/b/predictions?wait=5", HEADERS, b"{}")

# the address that a server names -> where the request goes
WITHIN = {
    "https://api.jobs.test/v1/predictions/p1": "https://api.jobs.test/v1/predictions/p1",
    "https://API.jobs.test/p1": "https://API.jobs.test/p1",
    "//api.jobs.test/p1": "https://api.jobs.test/p1",
    "/v1/predictions/p1?x=1": "https://api.jobs.test/v1/predictions/p1?x=1",
    "cancel/p1": "https://api.jobs.test/v1/models/a/b/cancel/p1",
    "": FIRST.url,
    "https://": FIRST.url,
}

# the address that a server names, where it leads out of the house
OUTSIDE = [
    "https://evil.test/v1/predictions/p1",
    "https://api.jobs.test.evil.test/p1",
    "https://notjobs.test/p1",
    "https://api.jobs.test@evil.test/p1",
    "https://user:word@api.jobs.test/p1",
    "https://api.jobs.test:8443/p1",
    "http://api.jobs.test/p1",
    "ftp://api.jobs.test/p1",
    "file:///etc/passwd",
    "https://[",
    "https://api.jobs.test\\@evil.test/p1",
    "https://api.jobs.test:port/p1",
    "//evil.test/p1",
    "javascript:alert(1)",
]


@pytest.mark.parametrize(("url", "goes_to"), WITHIN.items())
def test_an_address_in_the_house_is_followed(url: str, goes_to: str) -> None:
    """Absolute or relative to the first request; so is the one that stops the job."""
    stop = undone(FIRST, Undo(url))

    assert followed(FIRST, FollowUp(url, DECODER)).url == goes_to
    assert stop is not None
    assert stop.url == goes_to


@pytest.mark.parametrize("url", OUTSIDE)
def test_an_address_outside_is_not_followed(url: str) -> None:
    """Another host, port or scheme, a name and password, no address at all: our key does not go there."""
    with pytest.raises(WireError) as caught:
        followed(FIRST, FollowUp(url, DECODER))

    assert caught.value.kind is Kind.REDIRECT
    assert undone(FIRST, Undo(url)) is None


@pytest.mark.parametrize(
    ("base", "url", "fine"),
    [
        ("https://api.jobs.test/v1/p", "https://b.streams.test/v1/s", True),
        ("https://api.jobs.test/v1/p", "https://streams.test/v1/s", True),
        ("https://jobs.test/v1/p", "https://other.jobs.test/s", True),
        ("https://api.jobs.test/v1/p", "https://mystreams.test/s", False),
        ("https://api.jobs.test/v1/p", "https://streams.test.evil.test/s", False),
        ("https://api.jobs.test/v1/p", "http://streams.test/s", False),
        ("https://api.jobs.test/v1/p", "https://streams.test:8443/s", False),
        ("https://user@api.jobs.test/v1/p", "https://user@streams.test/s", False),
        ("https://proxy.mine.test/v1/p", "https://streams.test/s", False),
        ("https://proxy.mine.test/v1/p", "https://proxy.mine.test/s", True),
    ],
)
def test_the_domains_of_one_provider_are_one_house(base: str, url: str, *, fine: bool) -> None:
    """The dialect names them, no server does; and only a request that went to one of them goes to another."""
    first = WireRequest("POST", base, HEADERS, b"{}")
    follow = FollowUp(url, DECODER, kin=KIN)
    if fine:
        assert followed(first, follow).url == url
    else:
        with pytest.raises(WireError):
            followed(first, follow)


def test_the_headers_of_the_first_request_go_along() -> None:
    """With the follow-up's own over them; nothing is sent without a type for it."""
    look = followed(FIRST, FollowUp("p1", DECODER, headers={"x-title": "theirs", "accept": "a/b"}))
    more = followed(FIRST, FollowUp("p1", DECODER, method="POST", body=b"{}"))

    assert (look.method, look.body) == ("GET", b"")
    assert look.headers == {"authorization": KEY, "x-title": "theirs", "accept": "a/b"}
    assert (more.method, more.body, more.headers) == ("POST", b"{}", HEADERS)


def test_what_stops_a_job_carries_the_key_and_nothing_else() -> None:
    """A POST without a body, unless the provider wants another method."""
    stop, other = undone(FIRST, Undo("p1/cancel")), undone(FIRST, Undo("p1", method="DELETE"))

    assert stop is not None
    assert (stop.method, stop.body) == ("POST", b"")
    assert stop.headers == {"authorization": KEY, "x-title": "mine"}
    assert other is not None
    assert other.method == "DELETE"


def test_a_job_that_is_not_found_says_nothing_of_its_model() -> None:
    """A 404 on the way is the provider's fault; every other refusal means what it always does."""
    lost = WireError(Kind.NO_MODEL, "gone", status=404, retry_after=3.0)
    busy = WireError(Kind.RATE, "busy", status=429)

    assert mislaid(lost) == WireError(Kind.SERVER, "gone", status=404, retry_after=3.0)
    assert mislaid(busy) is busy
