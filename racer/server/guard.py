"""Who may come in: from the first lines of a request and the address it came from, before any of its body.

Rule 1: `Host` names this machine, exactly. A page that has its own name point here is turned away (421).
Rule 2: no page of another origin, unless the configuration names it (403).
Rule 3: where there are tokens, a public page or probe is all that is to be had without one (401).
Rule 4: where there is none, nobody from another machine is heard (403).
What a client has sent is never repeated in a refusal.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer.core.loopback import is_loopback
from racer.server.question import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.config import ServerSettings, TokenSettings

LARGEST_BODY = 10 * 1024 * 1024
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
WILDCARDS = frozenset({"0.0.0.0", "::", ""})
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_OWN = ("same-origin", "none")
HEARD = (
    "authorization",
    "content-type",
    "accept",
    "x-api-key",
    "user-agent",
    "idempotency-key",
    "last-event-id",
)
HEARD_KINDS = ("x-stainless-", "openai-", "anthropic-")
_HEADER = re.compile(r"[a-z0-9-]{1,64}")
MOST_ASKED = 64


@dataclass(frozen=True, slots=True)
class Knock:
    """The head of a request, as it came. `peer` is None where the connection has no address."""

    method: str
    target: str
    headers: Sequence[tuple[bytes, bytes]]
    peer: str | None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def one(self, name: str) -> str | None:
        """The header's value. Raises Refused where it was sent twice: nobody could say which one counts."""
        wanted = name.encode()
        found = [value for key, value in self.headers if key.lower() == wanted]
        if len(found) > 1:
            raise Refused(400, f"the header {name} was sent more than once", code="bad_header")
        return found[0].decode("latin-1").strip() if found else None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a token was given to. Without any token, whoever comes is `local`."""

    name: str
    digest: bytes = b""
    requests_per_minute: int | None = None
    in_flight: int | None = None


LOCAL = Holder("local")
NOBODY = Holder("none")  # whoever has shown no token where there are some


@dataclass(frozen=True, slots=True)
class Gate:
    """`hosts` and `origins` may come in; `anywhere`: the server has every address of its machine."""

    hosts: frozenset[str]
    anywhere: bool
    origins: frozenset[str]
    holders: tuple[Holder, ...]

    @property
    def stranger(self) -> Holder:
        """Who has come, as long as no token was looked at."""
        return NOBODY if self.holders else LOCAL

    def check_source(self, knock: Knock, *, page: bool = False) -> str | None:
        """The origin that is to be named in the answer, if any. Raises Refused.

        `page`: a person may come to it by a link that stands elsewhere.
        """
        host = self._host(knock)
        if not self.holders and knock.peer is not None and not is_loopback(knock.peer):
            raise Refused(403, "without a token, this server answers its own machine alone", code="not_local")
        origin, site = knock.one("origin"), knock.one("sec-fetch-site")
        if origin is not None:
            if origin in self.origins:
                return origin
            if origin.lower() not in (f"http://{host}", f"https://{host}"):
                raise _foreign()
        elif site is not None and site not in _OWN and not (page and _is_followed(knock)):
            raise _foreign()
        return None

    def _host(self, knock: Knock) -> str:
        if not knock.target.startswith("/"):
            raise Refused(421, "only the path is to stand in the first line of a request", code="misdirected")
        if knock.target.startswith("//"):
            raise Refused(404, "there is nothing here", code="not_found")
        sent = knock.one("host")
        if sent is None:
            raise Refused(400, "the Host header is missing", code="bad_host")
        found = _AUTHORITY.fullmatch(sent)
        if found is None or not 0 < int(found[2] or 80) < 65536:
            raise Refused(400, "the Host header is not a host with a port", code="bad_host")
        name = found[1].lower()
        if name not in self.hosts and not (self.anywhere and _is_address(name)):
            raise Refused(
                421,
                "this server is not known by that host: use its address, or name the host in hosts of "
                "[server] in racer.toml",
                code="misdirected",
            )
        return sent.lower()

    def holder(self, knock: Knock) -> Holder:
        """Whose token was sent. Every one is compared, so that the time tells nothing. Raises Refused."""
        if not self.holders:
            return LOCAL
        digest = digest_of(_token(knock))
        found: Holder | None = None
        for each in self.holders:
            if hmac.compare_digest(digest, each.digest):
                found = each
        if found is None:
            raise Refused(
                401,
                "a token is needed: send it as `Authorization: Bearer …`, or as x-api-key; "
                "one in the address is not read",
                kind="authentication_error",
                code="invalid_api_key",
                again=False,
            )
        return found


def heard(asked: str | None) -> list[str]:
    """Of the headers that a page asks leave for, those that the official clients send; and the usual ones."""
    names = [name.strip().lower() for name in (asked or "").split(",")[:MOST_ASKED]]
    more = [name for name in names if name.startswith(HEARD_KINDS) and _HEADER.fullmatch(name)]
    return list(dict.fromkeys((*HEARD, *more)))


def check_body(knock: Knock) -> None:
    """Before a byte of the body is read. Raises Refused."""
    kind = (knock.one("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "send JSON, with the header content-type: application/json", code="not_json")
    if (knock.one("content-encoding") or "identity").lower() != "identity":
        raise Refused(415, "compressed requests are not taken: send the JSON as it is", code="compressed")
    length = knock.one("content-length")
    if length is not None and length.isdecimal() and int(length) > LARGEST_BODY:
        raise too_large()


def too_large() -> Refused:
    mebibytes = LARGEST_BODY // (1024 * 1024)
    return Refused(413, f"the body is larger than {mebibytes} MiB", code="body_too_large", again=False)


def gate_of(settings: ServerSettings, tokens: Iterable[TokenSettings]) -> Gate:
    bound = settings.host.lower()
    own = {f"[{bound}]" if ":" in bound else bound} - WILDCARDS
    return Gate(
        hosts=LOOPBACK_HOSTS | own | {host.lower() for host in settings.hosts},
        anywhere=bound in WILDCARDS,
        origins=frozenset(settings.cors),
        holders=tuple(_holder(token) for token in tokens),
    )


def _holder(token: TokenSettings) -> Holder:
    if token.secret is None:
        raise ValueError(f"the token {token.name} is not set")  # nothing must ever be compared with nothing
    digest = digest_of(token.secret.reveal())
    return Holder(token.name, digest, token.requests_per_minute, token.in_flight)


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _token(knock: Knock) -> str:
    """What was sent as a token; of two, the one in Authorization."""
    scheme, _, bearer = (knock.one("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    return knock.one("x-api-key") or ""


def _is_followed(knock: Knock) -> bool:
    """A link, in a window of its own: a frame says so, and is none."""
    return (
        knock.method == "GET"
        and knock.one("sec-fetch-mode") == "navigate"
        and knock.one("sec-fetch-dest") == "document"
    )


def _foreign() -> Refused:
    return Refused(
        403,
        "pages of other origins are not answered: name the origin in cors of [server] in racer.toml if you "
        "mean it",
        kind="permission_error",
        code="foreign_origin",
    )


def _is_address(name: str) -> bool:
    """A number belongs to nobody's domain, so no page can have it point here."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
