"""Is a host this machine itself? One answer for whoever asks: addresses, proxies, lanes that share it."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """`localhost` and what ends in it, all of 127.0.0.0/8, and ::1, with or without brackets."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
