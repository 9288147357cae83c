// The lanes of a race as tracks: pale while one waits, full from its first token on. They move while it runs.

import { make, named, quoted, say } from "./words.js";
import { UNSEEN, isRunning } from "./race.js";

const ENDS = { won: "won", lost: "stopped", failed: "failed", late: "valid, but late", running: "running", [UNSEEN]: "end not seen" };
const SCALES = [0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120, 300, 600];

/** The drawing of one race, which is drawn again as that goes on. */
export class Tracks {
  constructor({ reasons = false } = {}) {
    this.reasons = reasons;
    this.lanes = make("ol", { class: "tracks" });
    this.ticks = [0, 0.5, 1].map(() => make("span"));
    this.element = make("div", { class: "track-box" },
      this.lanes, make("div", { class: "track-axis", "aria-hidden": "true" }, this.ticks));
    this.items = [];
  }

  /** `elapsed`: how long the race has run by now, in seconds. */
  draw(race, elapsed) {
    const now = isRunning(race) ? elapsed : Math.max(race.took ?? 0, ...race.runs.map((run) => run.end ?? 0));
    const scale = SCALES.find((each) => each >= now * 1.02) ?? now;
    while (this.items.length > race.runs.length) this.items.pop().element.remove();
    race.runs.forEach((run, index) => this.itemAt(index).draw(run, now, scale));
    this.ticks.forEach((each, index) => say(each, tick((scale * index) / 2)));
    const finish = race.winner === null || race.took === null ? null : race.took / scale;
    this.element.classList.toggle("finished", finish !== null);
    place(this.lanes, "--finish", finish ?? 0);
  }

  itemAt(index) {
    if (index === this.items.length) {
      this.items.push(new Track(this.reasons));
      this.lanes.append(this.items[index].element);
    }
    return this.items[index];
  }
}

/** One lane. */
class Track {
  constructor(reasons) {
    this.reasons = reasons;
    this.lane = make("span", { class: "lane" });
    this.how = make("span", { class: "how" });
    this.wait = make("i", { class: "wait" });
    this.write = make("i", { class: "write" });
    this.reason = make("small", { class: "reason", hidden: "" });
    const bar = make("div", { class: "bar", "aria-hidden": "true" }, this.wait, this.write);
    this.element = make("li", { class: "track" }, this.lane, " ", this.how, bar, this.reason);
  }

  draw(run, now, scale) {
    const end = run.end ?? Math.max(now, run.start);
    if (this.name !== run.lane) this.lane.replaceChildren(named(run.lane));
    this.name = run.lane;
    this.element.className = `track ${run.outcome in ENDS ? run.outcome : "lost"}`;
    say(this.how, howOf(run, end));
    stretch(this.wait, run.start / scale, end / scale);
    stretch(this.write, (run.first ?? end) / scale, end / scale);
    this.write.hidden = run.first === null;
    this.tellReason(run);
  }

  tellReason({ outcome, reason }) {
    const told = outcome === "failed" ? reason : null;
    if (this.told === told) return;
    this.told = told;
    this.reason.hidden = told === null;
    this.reason.replaceChildren(told === null ? "" : quoted(told));
    this.reason.classList.toggle("whole", this.reasons);
  }
}

function howOf({ outcome, status, first, start }, end) {
  if (outcome === "running") return `${first === null ? "waiting" : "writing"}, ${(end - start).toFixed(1)} s`;
  const how = outcome === "failed" && status ? `failed, ${status}` : ENDS[outcome] ?? outcome;
  return outcome === UNSEEN ? how : `${how}, ${seconds(end)}`;
}

function stretch(element, from, to) {
  place(element, "--from", from);
  place(element, "--long", Math.max(0, to - from));
}

function place(element, name, share) {
  element.style.setProperty(name, `${(Math.min(share, 1) * 100).toFixed(2)}%`);
}
