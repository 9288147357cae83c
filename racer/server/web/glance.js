// What is known at a glance: who serves, what was saved, how long it lasts, what racing cost.

import { amount, at, clock, counted, dollars, lapse, make, moment, named, percent, say } from "./words.js";

export function showGlance({ usage, health, races }) {
  showHeadline(health);
  at("glance").replaceChildren(
    card("Serving now", ...serving(health)),
    card("Money saved", ...saved(usage.saved)),
    card("Runway", ...runway(usage.forecast)),
    card("Racing", ...racing(usage.tax, races)),
  );
}

/** `figure` in large letters, then notes. */
function card(title, figure, ...notes) {
  const told = notes.filter(Boolean).map((note) => make("p", { class: "note" }, note));
  return make("article", { class: "card" }, make("h3", {}, title), make("p", { class: "figure" }, figure), told);
}

function showHeadline({ status, serving: now, lanes, lanes_available: available }) {
  const who = now === null ? "Ready to race" : [named(now.provider), " serves"];
  at("headline").replaceChildren(...[status === "unavailable" ? "Nobody can answer now" : who].flat());
  say(at("lead"), `${amount(available)} of ${counted(lanes, "lane")} can start now.`);
}

function serving({ serving: now }) {
  if (now === null) return ["nobody yet", "Who wins the first race is named here."];
  const since = now.since === null
    ? ["Has won last, at ", moment(now.at), "; nobody has won a race since."]
    : ["Has won every race since ", moment(now.since), "; the last one at ", moment(now.at), "."];
  return [named(now.provider), now.local ? homeBadge(now.fallback) : null, since];
}

/** This machine has answered; `fallback`: although others might have. */
export function homeBadge(fallback) {
  return badge(fallback ? "fallback: this machine" : "this machine");
}

export function badge(words, kind = "late") {
  return make("span", { class: `badge ${kind}` }, words);
}

function saved({ usd, worth_usd: worth, paid_usd: paid, models, not_counted: rest }) {
  const unpriced = models.filter((model) => model.price === null).length;
  const missing = unpriced > 0 ? `${counted(unpriced, "model")} without a list price not counted.` : null;
  const bought = rest.length > 0 ? ["Paid for, and not counted: ", rest.map((name, index) => [index ? ", " : "", named(name)]), "."] : null;
  if (models.length === 0) return [dollars(usd), "Nothing was answered for nothing yet."];
  return [dollars(usd), `Worth ${dollars(worth)} at list prices, ${dollars(paid)} paid.`, missing, bought];
}

function runway({ together, tokens_a_day: tokens, days }) {
  if (together === null) return ["not known", "Told once accounts with limits have been used."];
  const of = days === 1 ? "as on the one day so far" : `the mean of ${amount(days)} days`;
  const rate = `At ${amount(Math.round(tokens))} tokens a day, ${of}.`;
  if (!together.lasts) {
    const when = ["All free accounts are used up then: ", clock(together.empty_at), "."];
    return [["empty in ", lapse(together.days * 86400)], when, rate];
  }
  const cover = together.days_of_demand_a_day;
  return ["lasts", cover === null ? null : `Each day gives ${timesTold(cover)} times what a day takes.`, rate];
}

function timesTold(cover) {
  return cover < 100 ? amount(Number(cover.toPrecision(2))) : "over 100";
}

function racing({ answers, sent, extra_requests: extra, share, saved: gained }, races) {
  if (answers === 0) return ["no answers yet", races.length > 0 ? "The database has no race that was won." : "Nothing was raced."];
  return [
    counted(answers, "answer"),
    share === null ? null : `${amount(extra)} of ${counted(sent, "request")} were extra (${percent(share)}).`,
    gained > 0 ? `They saved ${lapse(gained)} of waiting.` : null,
  ];
}
