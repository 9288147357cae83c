// The figures of the server, asked for every few seconds, and sooner when a race has ended.

import { json } from "./connection.js";

const EVERY = 5000; // milliseconds
const SOON = 900; // after a race: by then the database has it
const RACES = 100;

/**
 * Calls `show` with the documents of usage, health and races, again and again; `failed` with what went wrong.
 * `running` are all races under way at the server's time `now`; null where there may be more of them.
 */
export class Figures {
  constructor(show, failed) {
    this.show = show;
    this.failed = failed;
    this.timer = 0;
    this.under_way = null;
    document.addEventListener("visibilitychange", () => document.hidden || this.now());
  }

  now() {
    this.under_way ??= this.ask().finally(() => {
      this.under_way = null;
    });
    return this.under_way;
  }

  async ask() {
    clearTimeout(this.timer);
    try {
      this.show(await documents());
      this.again(EVERY);
    } catch (error) {
      this.failed(error);
    }
  }

  /** In so many milliseconds, unless nobody looks. */
  again(within) {
    clearTimeout(this.timer);
    this.due = performance.now() + within;
    this.timer = setTimeout(() => document.hidden || this.now(), within);
  }

  /** A race has ended. Of many at once, the first one counts. */
  raceEnded() {
    if (this.under_way === null && this.due - performance.now() > SOON) this.again(SOON);
  }
}

async function documents() {
  const [usage, health, races] = await Promise.all([
    json("/api/usage?forecast=1&saved=1"),
    json("/api/health", { taken: [503] }),
    json(`/api/races?limit=${RACES}`),
  ]);
  const { races: list, running, at: now } = races;
  return { usage, health, races: list, running: running.length < RACES ? running : null, now };
}
