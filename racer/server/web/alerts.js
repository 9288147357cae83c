// Limits that are nearly or wholly used, and providers that rest.

import { amount, at, clock, make, moment, named, percent, quoted, unitOf } from "./words.js";

const HOUR = 3600;

export function showAlerts({ usage, health }) {
  const now = usage.at;
  const alerts = [
    ...pressing(usage).map(reached),
    ...usage.unforeseen.filter((alert) => alert.at > now - HOUR).map(unforeseen),
    ...health.providers.filter((provider) => provider.cool_down !== null).map(resting),
  ];
  const list = at("alerts");
  list.hidden = alerts.length === 0;
  list.replaceChildren(...alerts.map((words) => make("li", {}, words)));
}

/** Limits of which a share is used that an alert was given for, and has not come back since. */
function pressing({ alerts, limits }) {
  const levels = new Map();
  for (const { meter, level } of alerts) levels.set(meter, Math.min(level, levels.get(meter) ?? 1));
  return limits.filter(({ meter, used, limit }) => levels.has(meter) && used >= levels.get(meter) * limit);
}

function limitOf({ account, model, window, ...counts }) {
  return [named(account), model === null ? "" : [" ", named(model)], `: ${unitOf(counts)} per ${window} `];
}

function reached(gauge) {
  const { used, left, limit, resets_at: resets } = gauge;
  const how = left > 0 ? `${percent(used / limit)} used, ${amount(used)} of ${amount(limit)}` : `used up, ${amount(limit)}`;
  return [limitOf(gauge), how, resets === null ? "." : ["; something is free again ", clock(resets), "."]];
}

function unforeseen(alert) {
  return [limitOf(alert), "refused although there was room by our count, at ", clock(alert.at), "."];
}

function resting({ name, cool_down: { until, reason } }) {
  const end = until === null ? " until something is changed" : [" until ", moment(until)];
  return [named(name), " rests", end, ": ", quoted(reason)];
}
