"""Is a host this machine itself? Asked by addresses, proxies and the lanes of one host alike."""

from __future__ import annotations

import pytest

from racer.core.loopback import is_loopback


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("box.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("192.168.0.1", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_who_is_this_machine(host: str, here: bool) -> None:
    """Names that only look like it are not."""
    assert is_loopback(host) is here
