// Races as they run, two of them at a time. A place is kept for a while after its race has ended, so that a
// person can see how it went, however many races there are.

import { at, counted, make, named, say } from "./words.js";
import { UNSEEN, endingOf, isRunning } from "./race.js";
import { Tracks } from "./tracks.js";

const PLACES = 2;
const STAYS = 2500; // milliseconds
const CALM = 500; // between two drawings, for who wants no motion

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Live {
  /** `now` gives the server's time in unix seconds. */
  constructor(races, now) {
    this.races = races;
    this.now = now;
    this.places = Array.from({ length: PLACES }, () => new Place());
    this.pinned = null;
    this.moving = false;
    at("live-races").replaceChildren(...this.places.map((each) => each.element));
    this.draw();
  }

  /** This race is to be seen, until another one is. */
  pin(id) {
    this.pinned = id;
    this.stir();
  }

  /** Something has happened: draw until nothing moves any more. */
  stir() {
    if (this.moving) return;
    this.moving = true;
    this.next();
  }

  next() {
    const step = () => {
      this.moving = this.draw();
      if (this.moving) this.next();
    };
    if (still.matches) setTimeout(step, CALM);
    else requestAnimationFrame(step);
  }

  /** Whether there is more to come. */
  draw() {
    this.seat();
    for (const place of this.places) place.draw(this.now());
    const running = this.races.running.length;
    say(at("live-count"), running > 0
      ? `${counted(running, "race")} under way.`
      : this.races.byId.size > 0 ? "Nobody races now. The last races:" : "No race yet. Ask something, or point a client here.");
    return running > 0;
  }

  /** Gives free places to the newest races that have none. */
  seat() {
    const seated = new Set(this.places.map((place) => place.race?.id));
    const pinned = this.races.byId.get(this.pinned);
    const waiting = this.races.all.filter((race) => !seated.has(race.id) && race !== pinned).slice(-PLACES);
    if (pinned && !seated.has(pinned.id)) this.freest().race = pinned;
    for (const race of waiting) {
      const free = this.places.find((place) => place.isFree(this.races, this.pinned, race));
      if (free) free.race = race;
    }
  }

  freest() {
    return this.places.find((place) => !place.race) ?? this.places.toSorted((a, b) => a.race.at - b.race.at)[0];
  }
}

/** Where one race is seen. */
class Place {
  constructor() {
    this.race = null;
    this.title = make("h3");
    this.tracks = new Tracks();
    this.element = make("article", { class: "race", hidden: "" }, this.title, this.tracks.element);
  }

  isFree(races, pinned, next) {
    if (this.race === null || !races.byId.has(this.race.id)) return true;
    if (this.race.id === pinned || isRunning(this.race) || next.at < this.race.at) return false;
    return performance.now() - this.race.heard > STAYS;
  }

  draw(now) {
    const { race } = this;
    this.element.hidden = race === null;
    if (race === null) return;
    const told = `${race.id} ${race.ending}`;
    if (this.told !== told) this.title.replaceChildren(...titleOf(race));
    this.told = told;
    this.tracks.draw(race, Math.max(0, now - race.at));
  }
}

/** A race in a few words. */
export function titleOf({ ending, winner, took, policy }) {
  const by = make("small", {}, " policy ", named(policy));
  if (ending === null) return ["Under way", by];
  if (ending === UNSEEN) return ["Its end was not seen", by];
  if (winner === null) return [`No answer: ${endingOf(ending)}, ${seconds(took ?? 0)}`, by];
  return [named(winner), ` won in ${seconds(took ?? 0)}`, by];
}
