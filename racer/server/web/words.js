// Elements, names, numbers and times. What comes from outside gets into the page here, and as text alone.

const rounded = { roundingMode: "halfEven" }; // as Python does
const usd = { style: "currency", currency: "USD", ...rounded };
const small = new Intl.NumberFormat("en", { maximumFractionDigits: 4, ...rounded });
const large = new Intl.NumberFormat("en", { maximumFractionDigits: 0, ...rounded });
const cents = new Intl.NumberFormat("en", usd);
const fractions = new Intl.NumberFormat("en", { minimumFractionDigits: 4, ...usd });
const UNITS = { input_tokens: "input tokens", output_tokens: "output tokens", usd: "USD" };
const minutes = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const hours = new Intl.DateTimeFormat("en", minutes);
const exact = new Intl.DateTimeFormat("en", { ...minutes, second: "2-digit" });
const days = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", ...minutes });
const SPANS = [[86400 * 2, 86400, "days"], [5400, 3600, "h"], [90, 60, "min"], [0, 1, "s"]];

/** The element of this id, which the page has. */
export function at(id) {
  return document.getElementById(id);
}

/** An element. Strings among the children become text, whatever stands in them. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** A name from outside: it turns nothing around it, and a long one may break behind its slashes. */
export function named(name) {
  const parts = isolated(String(name)).slice(1, -1).split("/");
  return make("bdi", {}, parts.flatMap((part, index) => (index === 0 ? [part] : ["/", make("wbr"), part])));
}

/** Words from outside, of several lines perhaps: they are told in one. */
export function sentence(text) {
  return isolated(String(text).replace(/\s*[\n\r\t]\s*/g, " "));
}

/** The same, as an element. */
export function quoted(text) {
  return make("bdi", {}, sentence(text).slice(1, -1));
}

/** The text of an element, written only where it is another one. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** With the digits of `racer usage`, as dollars are: fractions only of what is small. */
export function amount(value) {
  return (Math.abs(value) < 100 ? small : large).format(value);
}

export function dollars(value) {
  if (value > 0 && value < 0.0001) return `under ${fractions.format(0.0001)}`;
  return (value === 0 || Math.abs(value) >= 1 ? cents : fractions).format(value);
}

/** What a limit counts. */
export function unitOf({ unit }) {
  return UNITS[unit] ?? unit;
}

export function percent(share) {
  if (share > 0 && share < 0.001) return "under 0.1\u00a0%";
  return `${amount(Math.round(share * 1000) / 10)}\u00a0%`;
}

/** 1 race, 2 races. */
export function counted(value, one, several = `${one}s`) {
  return `${amount(value)} ${value === 1 ? one : several}`;
}

/** 19000 -> "5 h": how long something takes, or is away. */
export function lapse(seconds) {
  const [, unit, name] = SPANS.find(([least]) => seconds >= least) ?? SPANS.at(-1);
  return `${Math.max(0, Math.round(seconds / unit))}\u00a0${name}`;
}

/** An instant in unix seconds, by the reader's clock; with its day where that is another one. */
export function clock(instant, today = hours) {
  const when = new Date(instant * 1000);
  const form = when.toDateString() === new Date().toDateString() ? today : days;
  return make("time", { datetime: when.toISOString() }, form.format(when));
}

/** To the second. */
export function moment(instant) {
  return clock(instant, exact);
}

/** A table with a head. Rows are lists of cells, the first of which names its row. */
export function table(caption, heads, rows) {
  return make("table", {},
    make("caption", { class: "unseen" }, caption),
    make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, rows.map(([first, ...cells]) =>
      make("tr", {}, make("th", { scope: "row" }, first), cells.map((cell) => make("td", {}, cell))))));
}
