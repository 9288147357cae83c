// Who served, spell by spell: when another provider took over, and when it was this machine.

import { at, counted, make, moment, named } from "./words.js";
import { badge } from "./glance.js";
import { providerOf } from "./race.js";

const SHOWN = 8;

export function showServed({ races, health }) {
  const local = new Set(health.providers.filter((provider) => provider.local).map((provider) => provider.name));
  const spells = spellsOf(races.filter((race) => race.winner !== null).toReversed()).slice(-SHOWN).toReversed();
  const items = spells.map(({ provider, from, to, wins }) => make("li", {},
    named(provider), " ", local.has(provider) ? badge("fallback: this machine") : null,
    make("small", {}, counted(wins, "race"), ", ", moment(from), to === from ? "" : [" to ", moment(to)])));
  const list = at("spells");
  list.hidden = items.length === 0;
  list.replaceChildren(...items);
  at("served").hidden = items.length === 0;
}

/** `races` from the oldest to the newest -> spells of wins by one provider. */
function spellsOf(races) {
  const spells = [];
  for (const { winner, at: when } of races) {
    const provider = providerOf(winner);
    const last = spells.at(-1);
    if (last?.provider === provider) Object.assign(last, { to: when, wins: last.wins + 1 });
    else spells.push({ provider, from: when, to: when, wins: 1 });
  }
  return spells;
}
