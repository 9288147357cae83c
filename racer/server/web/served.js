// Who served, spell by spell: when another provider took over, and when it was this machine.

import { at, counted, make, moment, named } from "./words.js";
import { homeBadge } from "./glance.js";
import { providerOf } from "./race.js";

const SHOWN = 8;

/** `seen` are the races that events have told of: they say who might have run. */
export function showServed({ races, health }, seen) {
  const local = new Set(health.providers.filter((provider) => provider.local).map((provider) => provider.name));
  const won = races.filter((race) => race.winner !== null).toReversed();
  const spells = spellsOf(won, (id) => isOpen(seen.byId.get(id), local)).slice(-SHOWN).toReversed();
  const items = spells.map(({ provider, from, to, wins, open }) => make("li", {},
    named(provider), " ", local.has(provider) ? homeBadge(open) : null,
    make("small", {}, counted(wins, "race"), ", ", moment(from), to === from ? "" : [" to ", moment(to)])));
  const list = at("spells");
  list.hidden = items.length === 0;
  list.replaceChildren(...items);
  at("served").hidden = items.length === 0;
}

/** Whether others than this machine might have run. Nobody knows of races that were not seen. */
function isOpen(race, local) {
  return race !== undefined && race.lanes.some((lane) => !local.has(providerOf(lane)));
}

/** `races` from the oldest to the newest -> spells of wins by one provider. `open` tells it of a race. */
function spellsOf(races, open) {
  const spells = [];
  for (const { race_id: id, winner, at: when } of races) {
    const provider = providerOf(winner);
    const last = spells.at(-1);
    if (last?.provider === provider) Object.assign(last, { to: when, wins: last.wins + 1, open: last.open || open(id) });
    else spells.push({ provider, from: when, to: when, wins: 1, open: open(id) });
  }
  return spells;
}
