"""LiteLLM's `Router.abatch_completion_fastest_response`: each lane is a model of its own, none retries.

A limit is given to it as `rpm` with the check that enforces it: requests of a minute, for it has no day.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.child import serve

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Lane

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # its price map from disk, not from the network
litellm: Any = import_module("litellm")


class LiteLLMRace:
    def __init__(self, lanes: tuple[Lane, ...], mode: str) -> None:
        self._stream = mode == "stream"
        self._names = ",".join(lane.name for lane in lanes)
        checks = ["enforce_model_rate_limits"] if any(lane.limit for lane in lanes) else None
        self._router = litellm.Router(
            model_list=[_deployment(lane) for lane in lanes], num_retries=0, optional_pre_call_checks=checks
        )

    async def race(self, prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        ask = self._router.abatch_completion_fastest_response
        if not self._stream:
            return (await ask(model=self._names, messages=messages)).choices[0].message.content or ""
        chunks = await ask(model=self._names, messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])

    async def close(self) -> None:
        self._router.reset()


def _deployment(lane: Lane) -> dict[str, Any]:
    parameters: dict[str, Any] = {"model": "openai/m", "api_base": lane.url, "api_key": "k"}
    if lane.limit:
        parameters["rpm"] = lane.limit
    return {"model_name": lane.name, "litellm_params": parameters}


if __name__ == "__main__":
    serve(LiteLLMRace, "litellm", "openai")
