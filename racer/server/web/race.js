// Races, as events tell of them and as the timeline of one does. Seconds run from the start of the race.

const MOST = 400;
export const UNSEEN = "unseen"; // the end of a race or of a lane
const ENDINGS = {
  exhausted: "every lane failed", expired: "deadline", refused: "refused", broken: "broke off", aborted: "stopped",
  [UNSEEN]: "its end was not seen",
};
const OUTCOMES = { "lane.won": "won", "lane.lost": "lost", "lane.failed": "failed", "lane.late": "late" };

/** All races that were heard of lately, the oldest first. */
export class Races {
  constructor() {
    this.byId = new Map();
  }

  get all() {
    return [...this.byId.values()];
  }

  get running() {
    return this.all.filter(isRunning);
  }

  /** The race that an event belongs to, changed by it; nothing for events of limits, or of races unknown. */
  hear(event) {
    if (event.event === "race.started") this.add(event);
    const race = this.byId.get(event.race);
    if (race === undefined) return undefined;
    if (event.event.startsWith("race.")) raceTold(race, event);
    else laneTold(race, event);
    return race;
  }

  add({ race, at, policy, lanes }) {
    this.byId.set(race, { id: race, at, policy, lanes, runs: [], ending: null, took: null, winner: null, heard: 0 });
    if (this.byId.size > MOST) this.byId.delete(this.byId.keys().next().value);
  }

  /** Races under way, of which `gone` says that they are not any more: how they have ended will not be heard. */
  endUnseen(gone, now) {
    for (const race of this.running.filter(gone)) {
      const unseen = race.runs.filter((run) => run.end === null);
      for (const run of unseen) Object.assign(run, { outcome: UNSEEN, end: Math.max(run.start, now - race.at) });
      Object.assign(race, { ending: UNSEEN, heard: performance.now() });
    }
  }
}

export function isRunning(race) {
  return race.ending === null;
}

function raceTold(race, { event, ending, latency, winner }) {
  if (event === "race.started") return;
  Object.assign(race, { ending, took: latency, winner, heard: performance.now() });
}

function laneTold(race, { event, lane, offset, after, latency, reason, status }) {
  if (event === "lane.started") {
    race.runs.push({ lane, start: offset, first: null, end: null, outcome: "running", reason: null, status: null });
    return;
  }
  const run = race.runs.findLast((each) => each.lane === lane && (each.end === null || each.outcome === UNSEEN));
  if (run === undefined) return;
  if (event === "lane.first_token") run.first = run.start + after;
  if (event in OUTCOMES) {
    const end = run.start + latency;
    Object.assign(run, { outcome: OUTCOMES[event], end, reason: reason ?? null, status: status ?? null });
  }
}

/** The document of /api/races/ID in the same form. */
export function raceOf({ race_id: id, at, policy, ending, latency: took, winner, attempts }) {
  const runs = attempts.map(({ lane, start, first_token: first, latency, outcome, reason, status, why }) => ({
    lane, start, outcome, reason, status, why,
    first: first === null ? null : start + first,
    end: latency === null ? null : start + latency,
  }));
  return { id, at, policy, ending, took, winner, runs, heard: 0 };
}

/** How a race has ended that nobody has won. */
export function endingOf(ending) {
  return ENDINGS[ending] ?? ending;
}

/** The provider of `provider/model@account`. */
export function providerOf(lane) {
  return lane.split("/", 1)[0];
}
