"""The wires by dialect. The first of a dialect's wires that knows a path takes the request."""

from __future__ import annotations

from racer.sim.wire import anthropic, cloudflare, cohere, gemini, ollama, openai, replicate, responses, runpod

WIRES = {
    "openai": (openai.WIRE,),
    "ollama": (ollama.WIRE, openai.WIRE),
    "anthropic": (anthropic.WIRE,),
    "cohere": (cohere.WIRE,),
    "gemini": (gemini.WIRE,),
    "cloudflare": (cloudflare.WIRE,),
    "responses": (responses.WIRE,),
    "replicate": (replicate.WIRE,),
    "runpod": (runpod.WIRE,),
}
