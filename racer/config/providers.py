"""From a row, which is right in itself, and the environment to a Provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from racer.config import address, forms
from racer.config.keys import Found, discovered, referenced
from racer.core.provider import Account, Limit, Model, Provider

Row = Mapping[str, Any]

UNITS = ("requests", "tokens", "input_tokens", "output_tokens", "neurons", "usd")

_AS_THEY_ARE = (
    "priority", "local", "parallel", "cancel_refunds", "trains_on_data", "renames", "discover",
    "limit_headers", "status", "note", "console",
)  # fmt: skip


def provider_of(name: str, row: Row, env: Mapping[str, str], *, own_address: bool) -> tuple[Provider, Found]:
    """`own_address`: the user wrote the base URL, so that OLLAMA_HOST has nothing to say."""
    url, url_fault = _address(name, row, env, own_address=own_address)
    headers, header_fault = _headers(row, env)
    models, model_fault = _models(row, env)
    found = _keys(name, row, env, url)
    # Who needs no key has an account as soon as there is somebody to ask.
    keyless = () if url_fault else (Account(name),)
    accounts = found.accounts if found.names else keyless
    key_fault = "" if accounts else "; ".join(found.refused)
    provider = Provider(
        name=name,
        dialect=row.get("dialect", ""),
        base_url=url,
        models=models,
        accounts=accounts,
        limits=_limits(row["presets"][row["preset"]] if "preset" in row else row),
        enabled=row.get("enabled", row.get("status") != "retired"),
        headers=headers,
        drops=frozenset(row.get("drops", ())),
        key_names=found.names,
        unusable=url_fault or header_fault or model_fault or key_fault,
        **_others(row),
    )
    return provider, found


def _others(row: Row) -> dict[str, Any]:
    """What a Provider takes over as it is, where the row has it."""
    seconds = {key: float(row[key]) for key in ("timeout", "min_interval") if key in row}
    return {key: row[key] for key in _AS_THEY_ARE if key in row} | seconds


def _models(row: Row, env: Mapping[str, str]) -> tuple[tuple[Model, ...], str]:
    """The models with their names filled in, and why that was not possible."""
    tables, preset = row.get("models", ()), "preset" in row
    faults = (fault for each in tables if (fault := _name_fault(each["name"], env)))
    return tuple(_model(each, env, own_limits=not preset) for each in tables), next(faults, "")


def _name_fault(name: str, env: Mapping[str, str]) -> str:
    if "$" not in name:
        return ""
    missing = _missing(name, env)
    if missing:
        return f"the model needs {missing}"
    filled = forms.resolved(name, env)
    return (
        "the name of the model, with the environment filled in, is none" if forms.model_name(filled) else ""
    )


def _model(table: Row, env: Mapping[str, str], *, own_limits: bool) -> Model:
    price, name = table.get("price"), table["name"]
    return Model(
        name=name if _name_fault(name, env) else forms.resolved(name, env),
        tags=frozenset(table.get("tags", ())),
        can=frozenset(table.get("can", ())),
        context=table.get("context"),
        price=None if price is None else (float(price[0]), float(price[1])),
        limits=_limits(table, scope="model") if own_limits else (),
        renames=table.get("renames", {}),
        drops=frozenset(table.get("drops", ())),
    )


def _limits(table: Row, scope: str = "account") -> tuple[Limit, ...]:
    return tuple(_limit({"scope": scope, **limit}) for limit in table.get("limits", ()))


def _limit(table: Row) -> Limit:
    unit = next(unit for unit in UNITS if unit in table)
    dates = {key: str(table[key]) for key in ("expires", "seen") if key in table}
    texts = {key: table[key] for key in ("scope", "reset", "source", "confidence") if key in table}
    return Limit(unit=unit, amount=float(table[unit]), per=table["per"], **texts, **dates)


# ---------------------------------------------------------------- what the environment adds


class MaskedHeaders(dict[str, str]):
    """Headers whose values never show: they may have come from the environment."""

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


def _headers(row: Row, env: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
    """The headers with their references filled in, and why that was not possible."""
    headers = MaskedHeaders()
    for name, value in row.get("headers", {}).items():
        missing = _missing(value, env)
        if missing:
            return headers, f"the header {name} needs {missing}"
        headers[name] = forms.resolved(value, env)
        if forms.header_value(headers[name]):
            return MaskedHeaders(), f"the header {name} would hold a line break or a character outside ASCII"
    return headers, ""


def _address(name: str, row: Row, env: Mapping[str, str], *, own_address: bool) -> tuple[str, str]:
    """The base URL without a slash at its end, and why it cannot be used."""
    url = str(row.get("base_url", "")).rstrip("/")
    if name == "ollama" and not own_address and env.get("OLLAMA_HOST", "").strip():
        return _ollama_address(row, url, env["OLLAMA_HOST"])
    if "$" not in url:
        return url, ""
    missing = _missing(url, env)
    if missing:
        return url, f"the address needs {missing}"
    filled = forms.resolved(url, env).rstrip("/")
    fault = address.resolved_fault(filled)
    if fault is None and address.plain(filled) and not row.get("allow_http"):
        fault = f"is plain http to another machine; allow_http = true under [providers.{name}] permits it"
    return (url, f"the address, with the environment filled in: {fault}") if fault else (filled, "")


def _ollama_address(row: Row, url: str, value: str) -> tuple[str, str]:
    from racer_adapters.ollama_server import host_url

    try:
        asked = host_url(value).rstrip("/")
    except ValueError:
        return url, "OLLAMA_HOST is not an address"
    fault = address.resolved_fault(asked)
    # Setting OLLAMA_HOST is consent for prompts; a key does not travel in the clear all the same.
    if fault is None and row.get("keys") and address.plain(asked):
        fault = "is plain http to another machine, and this row has keys"
    return (url, f"OLLAMA_HOST: {fault}") if fault else (asked, "")


def _missing(text: str, env: Mapping[str, str]) -> str:
    """Which variables that `text` names are not set, as words."""
    names = [name for name in forms.references(text) if not env.get(name, "").strip()]
    return f"{' and '.join(names)}, which the environment does not have" if names else ""


def _keys(name: str, row: Row, env: Mapping[str, str], url: str) -> Found:
    """A row that names no keys looks for NAME_API_KEY; on this machine it also does without."""
    if "keys" in row:
        return referenced(name, row["keys"], env)
    found = discovered(name, row.get("key_names", (usual_key_name(name),)), env)
    optional = row.get("keyless") or ("key_names" not in row and (row.get("local") or address.loopback(url)))
    return Found(()) if optional and not found.accounts and not found.refused else found


def usual_key_name(provider: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in provider).upper() + "_API_KEY"
