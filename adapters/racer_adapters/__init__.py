"""Wire dialects of language-model providers: pure codecs, usable without racer.

`DIALECTS` is the table of them. Adding one is a file beside this one and a line here.
"""

from __future__ import annotations

from racer_adapters.dialect import Dialect
from racer_adapters.ollama import OLLAMA
from racer_adapters.openai import OPENAI

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (OPENAI, OLLAMA)}

__all__ = ["DIALECTS"]
