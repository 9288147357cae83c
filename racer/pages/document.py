"""A page in one file, which asks nothing of anybody: styles, scripts and data, and text made safe for it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from string import Template
from typing import TYPE_CHECKING, Any

from racer.pages import assets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What no reader sees as a character of its own, and what would turn the text around it.
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKUP = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})


def document(
    title: str, body: str, data: Mapping[str, Any], *, styles: Sequence[str], scripts: Sequence[str]
) -> str:
    """`body` is HTML already. The scripts run in order, and find `data` in the element of that id."""
    return Template(assets.text(__package__, "skeleton.html")).substitute(
        policy=policy(scripts),
        title=escaped(title),
        styles="\n".join(styles),
        body=body,
        data=embedded(data),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def policy(scripts: Sequence[str]) -> str:
    """What the browser is to refuse: every request, and every script but these.

    Styles within the page are let through, since Plot writes one into each of its pictures.
    """
    sums = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{each}'" for each in sums) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def escaped(value: object) -> str:
    """As the text of an element or of an attribute: without markup, and without what is not seen."""
    return escape(_HIDDEN.sub("\ufffd", str(value)))


def named(name: object) -> str:
    """A name from outside, as HTML: whichever way it is written, the text around it stays in order.

    A long one may be broken behind its slashes.
    """
    return f"<bdi>{escaped(name).replace('/', '/<wbr>')}</bdi>"


def embedded(data: Mapping[str, Any]) -> str:
    """As JSON that may stand in a script element. Nothing in it ends that, or begins a comment."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_MARKUP)
