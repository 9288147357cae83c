// The table of recent races. Its buttons keep the focus while the table is written anew.

import { UNSEEN, endingOf } from "./race.js";
import { at, make, moment, named, table } from "./words.js";

const SHOWN = 10;

/** `choose` is called with the id of the race that somebody wants to know more of. */
export class Recent {
  constructor(choose) {
    this.chosen = null;
    this.shown = "";
    at("races").addEventListener("click", (event) => {
      const id = event.target.closest("button")?.dataset.race;
      if (id === undefined) return;
      this.mark(id);
      choose(id);
    });
  }

  show({ races }) {
    const some = races.slice(0, SHOWN);
    const state = JSON.stringify([some, this.chosen]);
    if (state === this.shown) return;
    this.shown = state;
    const focused = document.activeElement?.dataset?.race;
    at("races").replaceChildren(some.length > 0 ? this.rows(some) : make("p", { class: "empty" }, "No race yet."));
    if (focused) at("races").querySelector(`[data-race="${CSS.escape(focused)}"]`)?.focus();
  }

  rows(races) {
    return table("Recent races", ["When", "Winner", "Took", "Policy"], races.map((race) => [
      this.button(race),
      race.winner === null ? make("span", { class: "soft" }, endOf(race)) : named(race.winner),
      race.latency === null ? "–" : seconds(race.latency),
      named(race.policy),
    ]));
  }

  button({ race_id: id, at: when }) {
    const pressed = String(id === this.chosen);
    const attributes = { type: "button", class: "plain", "data-race": id, "aria-controls": "why", "aria-pressed": pressed };
    return make("button", attributes, moment(when), make("span", { class: "unseen" }, `, race ${id}: why`));
  }

  mark(id) {
    this.chosen = id;
    for (const button of at("races").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.race === id));
    }
  }
}

function endOf({ ending, abandoned }) {
  if (ending === null) return abandoned ? endingOf(UNSEEN) : "under way";
  return endingOf(ending);
}
