"""Why a provider has no lane, as a diagnosis: what would give it one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from racer.accounts.card import State
from racer.accounts.diagnosis import Diagnosis, Verdict

if TYPE_CHECKING:
    from racer.accounts.card import Card
    from racer.core.provider import Provider


def uncalled(card: Card) -> Diagnosis:
    """Why a provider without a lane has none, and what would give it one."""
    provider = card.provider
    match card.state:
        case State.READY:
            return Diagnosis(Verdict.NOT_CALLED)
        case State.UNSET:
            verdict = Verdict.NO_KEY if provider.needs_key else Verdict.NO_ADDRESS
            return Diagnosis(verdict, card.why, f"set {' and '.join(card.missing)}, in .env for example")
        case State.AWAY:
            return Diagnosis(Verdict.AWAY, card.why, _start_step(provider))
        case State.BROKEN if card.refused:
            variables = " and ".join(each.partition(" ")[0] for each in card.refused)
            step = f"put a valid key of {provider.name} into {variables}, or take it out"
            return Diagnosis(Verdict.WRONG_KEY, "; ".join(card.refused), step)
        case State.BROKEN:
            return Diagnosis(Verdict.UNUSABLE, card.why, _repair_step(card))
        case State.OFF:
            return Diagnosis(Verdict.OFF, card.why, f"enabled = true under [providers.{provider.name}]")
        case State.RETIRED:
            return Diagnosis(Verdict.RETIRED, card.why, _parting_step(card))
        case _:
            assert_never(card.state)


def _start_step(provider: Provider) -> str:
    if provider.dialect == "ollama":
        wanted = provider.models[0].name if provider.models else "llama3.2"
        return f"ollama serve, and if no model is there: ollama pull {wanted}"
    return f"start the server, or correct base_url under [providers.{provider.name}]"


def _repair_step(card: Card) -> str:
    if card.missing:
        return f"set {' and '.join(card.missing)}, in .env for example"
    return f"correct it in the environment, or under [providers.{card.provider.name}] in racer.toml"


def _parting_step(card: Card) -> str:
    variables = " and ".join(account.name.partition(":")[2] for account in card.keys)
    unused = f"{variables} is not used for it; " if variables else ""
    return f"{unused}to revive it: enabled = true and base_url under [providers.{card.provider.name}]"
