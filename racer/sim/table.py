"""One table of a TOML document, read key by key: what is wrong is said with file, key, found, allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.sim.json_value import as_array, as_object, is_integer, is_number
from racer.sim.profile import ProfileError

if TYPE_CHECKING:
    from collections.abc import Collection


class Table:
    """Keys that were never asked for are errors: call `done()` at the end."""

    __slots__ = ("_asked", "_path", "_source", "_values")

    def __init__(self, values: dict[str, Any], source: str, path: str = "") -> None:
        self._values = values
        self._source = source
        self._path = path
        self._asked: set[str] = set()

    def wrong(self, key: str, allowed: str) -> ProfileError:
        return self.unfit(key, f"found {self._values.get(key)!r}, allowed: {allowed}")

    def unfit(self, key: str, what: str) -> ProfileError:
        where = f"{self._path}.{key}" if self._path and key else self._path or key
        return ProfileError(f"{self._source}: {where}: {what}")

    def done(self) -> None:
        """Raises ProfileError for the first key that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                raise self.unfit(key, f"unknown key, allowed: {', '.join(sorted(self._asked))}")

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._values

    def raw(self, key: str) -> Any:
        self._asked.add(key)
        return self._values.get(key)

    def below(self, key: str) -> Table:
        """The table at `key`."""
        value = as_object(self.raw(key))
        if value is None:
            raise self.wrong(key, "a table")
        return Table(value, self._source, f"{self._path}.{key}" if self._path else key)

    def below_each(self, key: str) -> list[Table]:
        """The tables in the array at `key`."""
        found = as_array(self.raw(key)) if self.has(key) else []
        tables = [as_object(item) for item in found or ()]
        if found is None or None in tables:
            raise self.wrong(key, "an array of tables")
        path = f"{self._path}.{key}" if self._path else key
        return [
            Table(item, self._source, f"{path}[{n}]") for n, item in enumerate(tables) if item is not None
        ]

    def keys(self) -> list[str]:
        return list(self._values)

    def number(self, key: str, default: float, *, low: float = 0.0, high: float = float("inf")) -> float:
        if not self.has(key):
            return default
        value = self.raw(key)
        if not is_number(value) or not low <= value <= high:
            raise self.wrong(key, f"a number from {low:g}" + (f" to {high:g}" if high < float("inf") else ""))
        return float(value)

    def integer(self, key: str, default: int, *, low: int = 0) -> int:
        return found if (found := self.maybe_integer(key, low=low)) is not None else default

    def maybe_integer(self, key: str, *, low: int = 1) -> int | None:
        if not self.has(key):
            return None
        value = self.raw(key)
        if not is_integer(value) or value < low:
            raise self.wrong(key, f"a whole number from {low}")
        return int(value)

    def text(self, key: str, default: str) -> str:
        if not self.has(key):
            return default
        value = self.raw(key)
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def choice(self, key: str, default: str, allowed: Collection[str]) -> str:
        value = self.text(key, default)
        if value not in allowed:
            raise self.unfit(key, f"found {value!r}, allowed: {', '.join(sorted(allowed))}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        if not self.has(key):
            return ()
        found = as_array(self.raw(key))
        texts = [item for item in found or () if isinstance(item, str) and item]
        if found is None or len(texts) != len(found):
            raise self.wrong(key, "an array of texts")
        return tuple(texts)
