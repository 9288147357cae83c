"""Wire dialects of language-model providers: pure codecs, usable without racer.

`DIALECTS` is the table of them. Adding one is a file beside this one and a line here.
"""

from __future__ import annotations

from racer_adapters.dialect import Dialects

DIALECTS = Dialects(
    # Each stands in the file of its name, as a Dialect in capitals.
    "openai",
    "ollama",
    "anthropic",
    "cohere",
    "responses",
    "replicate",
    "runpod",
    "gemini",
    "cloudflare",
)

__all__ = ["DIALECTS"]
