// The timeline of one race: what became of each lane, who did not start and why, and what would have helped.

import { amount, at, counted, make, moment, named, quoted } from "./words.js";
import { Gone, Refused, json } from "./connection.js";
import { raceOf } from "./race.js";
import { titleOf } from "./live.js";
import { Tracks } from "./tracks.js";

/** The one that was asked for last is shown, whichever comes last. */
let wanted = "";

export async function showTimeline(id) {
  wanted = id;
  let parts;
  try {
    parts = partsOf(await json(`/api/races/${encodeURIComponent(id)}`));
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Gone)) throw error;
    parts = [make("p", {}, "This race cannot be shown: ", quoted(error.message))];
  }
  if (wanted !== id) return;
  at("why-body").replaceChildren(...parts);
  at("why-title").focus({ preventScroll: true });
  at("why").scrollIntoView({ block: "nearest" });
}

function partsOf(found) {
  const race = raceOf(found);
  const tracks = new Tracks({ reasons: true });
  tracks.draw(race, Math.max(0, Date.now() / 1000 - race.at));
  return [
    make("h4", {}, titleOf(race)),
    make("p", { class: "soft" }, "Race ", make("code", {}, named(race.id)), ", ", moment(race.at), "."),
    tracks.element,
    taxTold(found),
    list("What would have helped", found.help.map((words) => [quoted(words)])),
    list("Kept out", found.not_started.filter((each) => each.kept_out).map(laneTold)),
    list("Not needed, or without a turn", found.not_started.filter((each) => !each.kept_out).map(laneTold)),
    list("Not to be had", found.skipped.map(({ name, reason }) => [named(name), ": ", quoted(reason)])),
  ].filter(Boolean);
}

function laneTold({ lane, reason }) {
  return [named(lane), ": ", quoted(reason)];
}

/** Folded where it is long; nothing where there is nothing. */
function list(title, items) {
  if (items.length === 0) return null;
  const rows = make("ul", {}, items.map((words) => make("li", {}, words)));
  return make("details", items.length < 4 ? { open: "" } : {}, make("summary", {}, `${title} (${items.length})`), rows);
}

function taxTold({ tax }) {
  if (tax === null) return null;
  const { sent, extra_requests: extra, extra_tokens: tokens, saved } = tax;
  if (extra === 0) return make("p", {}, `${counted(sent, "request")}, none of them extra.`);
  const cost = `${amount(extra)} of ${counted(sent, "request")} were extra, ${counted(tokens, "token")}`;
  return make("p", {}, `${cost}${saved > 0 ? `; they saved ${seconds(saved)}` : ""}.`);
}
