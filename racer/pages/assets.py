"""The files that pages are made of, as text: styles, scripts, and the libraries of others."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

LIBRARIES = ("d3.min.js", "plot.umd.min.js")  # in the order of loading: Plot draws with d3


@cache
def text(package: str, name: str) -> str:
    """The file `name` of `package`, which may lie in a folder: `web/report.js`."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def style() -> str:
    """The house style, which every page has."""
    return text(__package__, "style.css")


def libraries() -> tuple[str, ...]:
    """The scripts that plots need, in the order in which they must run; the last one is ours."""
    vendored = (text(__package__, f"vendor/{name}") for name in LIBRARIES)
    return (*vendored, text(__package__, "figure.js"))
