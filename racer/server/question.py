"""What a client has asked, in racer's own options, and what it is told where it cannot have that.

The surfaces translate: each reads the bodies of its clients into a `Question`, and writes a `Refused` in the
shape that its clients know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from racer.server.addresses import is_public

if TYPE_CHECKING:
    from racer.core.options import Options

Said = Sequence[Mapping[str, Any]]
_NAMES_A_PLACE = re.compile(
    r"(?:one of )?([a-z_]+(?:\[\d+\])*(?:\.[A-Za-z_]\w*(?:\[\d+\])*)*) (?:is|has|holds|names) "
)


class Refused(Exception):
    """`kind` and `code` are OpenAI's words; `param` is the field at fault. `retry_after` in seconds.

    `again`: whether the same request may have a better end soon; where not, clients are told not to try.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        again: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.again = again


@dataclass(frozen=True, slots=True)
class Question:
    """`messages` and `options` are those of `race`; `model` is as the client has called it.

    `stream` and `include_usage` say how the answer is to come; `echo` is for a surface's own use: what its
    answers repeat of the request. `names`: by racer's name of a field, what the client calls it.
    """

    messages: Said
    options: Options
    model: str
    stream: bool = False
    include_usage: bool = False
    echo: Mapping[str, Any] = field(default_factory=dict[str, Any])
    names: Mapping[str, str] = field(default_factory=dict[str, str])


def wrong(param: str, message: str, code: str | None = None) -> Refused:
    """A field of the body that cannot be used."""
    return Refused(400, message, param=param, code=code)


def renamed(refused: Refused, names: Mapping[str, str]) -> Refused:
    """The same, with the field at fault called as its client has called it."""
    param = refused.param or ""
    ours = max((name for name in names if _is_within(param, name)), key=len, default=None)
    if ours is not None:
        refused.param = names[ours] + param.removeprefix(ours)
        refused.message = refused.message.replace(param, refused.param, 1)
    return refused


def _is_within(param: str, name: str) -> bool:
    return param == name or param.startswith((f"{name}.", f"{name}["))


def place_in(message: str) -> str | None:
    """The field that a message of ours begins with, such as messages[0].content."""
    found = _NAMES_A_PLACE.match(message)
    return found[1] if found else None


def check_images(messages: Said) -> None:
    """Raises Refused for a picture at an address that only a machine of this network could read.

    Providers fetch what they are given, and one of them may run here, behind the firewall.
    """
    for at, message in enumerate(cast("Sequence[object]", messages)):
        for index, part in enumerate(_parts(message)):
            url = _image_of(part)
            if url is not None and not url.startswith("data:") and not is_public(url):
                place = f"messages[{at}].content[{index}].image_url"
                raise wrong(
                    place, f"{place} is not a public https: address: send the picture as a data: URL instead"
                )


def _parts(message: object) -> Sequence[object]:
    """Nothing has been checked yet: whatever else is wrong with a message is found later."""
    content = cast("Mapping[str, Any]", message).get("content") if isinstance(message, Mapping) else None
    return cast("Sequence[object]", content) if isinstance(content, list) else ()


def _image_of(part: object) -> str | None:
    """The address in a part, where there is one."""
    image = cast("Mapping[str, Any]", part).get("image_url") if isinstance(part, Mapping) else None
    url = cast("Mapping[str, Any]", image).get("url") if isinstance(image, Mapping) else image
    return url if isinstance(url, str) else None
