// Accounts and their limits: used, held, left, and when something comes back. The figures of `racer usage`.

import { amount, at, clock, lapse, make, named, quoted, table, unitOf } from "./words.js";
import { badge } from "./glance.js";

const SHORT = ["second", "minute", "hour", "flight"]; // windows that are over before one looks again
const NEARLY = 0.2;

export function showQuotas({ usage, health }) {
  const accounts = accountsOf(usage, health);
  const cards = accounts.map((account) => accountCard(account, usage.at));
  at("accounts").replaceChildren(...(cards.length > 0 ? cards : [nobody()]));
  const box = at("limits");
  box.hidden = usage.limits.length === 0;
  box.querySelector(".scroll").replaceChildren(limitsTable(usage));
}

function nobody() {
  return make("p", {}, "No provider is set up: ", make("code", {}, "racer init"), " tells how to get a key, and ",
    make("code", {}, "racer providers"), " what is missing.");
}

/** One for each account that has limits, then the providers that have none. */
function accountsOf({ limits, forecast }, { providers }) {
  const known = new Map(providers.map((provider) => [provider.name, provider]));
  const lasting = new Map(forecast.accounts.map((line) => [line.account, line.forecast]));
  const limited = Map.groupBy(limits.filter((limit) => limit.current), (limit) => limit.account);
  const accounts = Array.from(limited, ([name, gauges]) => (
    { name, gauges, provider: known.get(gauges[0].provider), lasts: lasting.get(name) ?? null }));
  const seen = new Set(limits.map((limit) => limit.provider));
  const free = providers.filter((provider) => !seen.has(provider.name));
  return [...accounts, ...free.map((provider) => ({ name: provider.name, gauges: [], provider, lasts: null }))];
}

function accountCard({ name, gauges, provider, lasts }, now) {
  const gauge = tightest(gauges);
  return make("article", { class: "card account" },
    make("h3", {}, named(name), " ", stateOf(provider)),
    gauge === null ? make("p", { class: "figure" }, "no limit") : gaugeTold(gauge, now),
    gauge === null ? null : make("p", { class: "note" }, used(gauge), resets(gauge, now)),
    lasts === null ? null : make("p", { class: "note" }, lastsTold(lasts)),
    troubleOf(provider));
}

/** Of the limits of a day or longer the one of which the smallest share is left; else of all. */
function tightest(gauges) {
  const long = gauges.filter((gauge) => !SHORT.includes(gauge.window));
  const among = long.length > 0 ? long : gauges;
  return among.reduce((least, gauge) => (least === null || shareLeft(gauge) < shareLeft(least) ? gauge : least), null);
}

function shareLeft({ left, limit }) {
  return limit > 0 ? left / limit : 0;
}

function gaugeTold(gauge, now) {
  const bar = make("div", { class: shareLeft(gauge) < NEARLY ? "gauge low" : "gauge", "aria-hidden": "true" }, make("i"), make("i"));
  const [spent, held] = bar.children;
  spent.style.setProperty("--share", `${(100 * gauge.used) / gauge.limit}%`);
  held.style.setProperty("--share", `${(100 * gauge.held) / gauge.limit}%`);
  const what = [`left of ${amount(gauge.limit)} `, nameOf(gauge)];
  return [make("p", { class: "figure" }, amount(gauge.left), " ", make("small", {}, what)), bar];
}

/** What a limit counts, and within what. */
function nameOf({ window, model, ...counts }) {
  const within = window === "flight" ? "in flight" : window === "once" ? "in all" : `a ${window}`;
  return [`${unitOf(counts)} ${within}`, model === null ? "" : [", ", named(model)]].flat();
}

function used({ used: spent, held, expired }) {
  if (expired) return "Expired.";
  return `${amount(spent)} used${held > 0 ? `, ${amount(held)} held by running processes` : ""}.`;
}

function resets({ resets_at: instant, window }, now) {
  if (instant === null) return "";
  const words = window === "once" ? " Expires " : " Something is free again ";
  return [words, clock(instant), ` (in ${lapse(Math.max(0, instant - now))}).`];
}

function lastsTold({ lasts, days, empty_at: empty }) {
  if (days === 0) return "Empty now.";
  return lasts ? "Lasts at this rate." : ["Empty in ", lapse(days * 86400), " at this rate: ", clock(empty), "."];
}

function stateOf(provider) {
  if (provider === undefined) return badge("not set up", "lost");
  if (provider.available) return badge(provider.local ? "ready, local" : "ready", "won");
  return badge(provider.cool_down === null ? "not available" : "rests", "late");
}

function troubleOf(provider) {
  if (!provider) return null;
  const { last_error: trouble, reason } = provider;
  if (trouble === null) return reason === null ? null : make("p", { class: "note" }, quoted(reason));
  return make("p", { class: "note trouble" }, "Last failure ", clock(trouble.at), `: ${trouble.kind}. `, quoted(trouble.message));
}

function limitsTable({ limits }) {
  const heads = ["Account", "Limit", "Used", "Held", "Left", "Of", "Free again"];
  const rows = limits.map((gauge) => [
    named(gauge.account),
    make("span", {}, nameOf(gauge), gauge.current ? "" : " (not set any more)"),
    ...[gauge.used, gauge.held, gauge.left, gauge.limit].map(amount),
    gauge.expired ? "expired" : gauge.resets_at === null ? "–" : clock(gauge.resets_at),
  ]);
  return table("Every limit: used, held, left, and when something is free again", heads, rows);
}
