"use strict";

// What every page with plots shares: the data, figures that fit their place, and names and times as text.
// Plots take their colours from style.css by name, so that they follow light and dark without being redrawn.

const WIDE = 640;
const MOST_ROWS = 14;

/** The data that came with the page. */
function pageData() {
  return JSON.parse(document.getElementById("data").textContent);
}

/** A name from outside: nothing in it is hidden, and it cannot turn the text around it. */
function isolated(name) {
  const plain = name.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  return `\u2068${plain}\u2069`;
}

/** 0.412 -> "0.41 s"; small times keep three figures behind the point. */
function seconds(value) {
  if (value === 0) return "0 s";
  return `${value.toFixed(Math.abs(value) < 0.1 ? 3 : 2)} s`;
}

/** As short as an axis wants it: "50 ms", "0.5 s", "20 s". */
function tick(value) {
  return value > 0 && value < 0.1 ? `${+(value * 1000).toPrecision(3)} ms` : `${+value.toPrecision(3)} s`;
}

/** How much of a name `pixels` have room for, in ems of the size that names are written in. */
function ems(pixels) {
  return Math.max(6, pixels / 14.5);
}

/** An estimate with its bounds, in words: what has no bound is open to that side. */
function between({ value, low, high }, shown = seconds) {
  if (low === null && high === null) return `${shown(value)}, no bounds`;
  if (high === null) return `${shown(value)}, at least ${shown(low)}`;
  if (low === null) return `${shown(value)}, at most ${shown(high)}`;
  return `${shown(value)}, ${shown(low)} to ${shown(high)}`;
}

/** An axis of times over `values`: linear from 0, or logarithmic where the spread is large. */
function timeScale(values) {
  const [least, most] = d3.extent(values.filter((value) => value > 0));
  if (least === undefined) return { type: "linear", domain: [0, 1], tickFormat: tick };
  if (most / least < 20) return { type: "linear", domain: [0, most * 1.05], tickFormat: tick };
  const domain = [least / 1.2, most * 1.2];
  return { type: "log", domain, ticks: decades(domain), tickFormat: tick };
}

/** 1, 2, 5, 10, ... within the domain, or less where that would be many. */
function decades([least, most]) {
  const steps = most / least > 2000 ? [1] : most / least > 200 ? [1, 3] : [1, 2, 5];
  const exponents = d3.range(Math.floor(Math.log10(least)), Math.ceil(Math.log10(most)) + 1);
  return exponents.flatMap((exponent) => steps.map((step) => +(step * 10 ** exponent).toPrecision(2)))
    .filter((value) => value >= least && value <= most);
}

/** From -1 to 1, the same for the same index: spreads dots that would lie on each other. */
function jitter(index) {
  return ((index * 0.618034) % 1) * 2 - 1;
}

/**
 * Fills the box of the figure `id`, and again when its width changes.
 * `draw(rows, width)` gives a picture; of many rows the first are shown, and a button has the rest.
 * Gives the function that draws it anew.
 */
function keepDrawn(id, rows, draw) {
  const box = document.querySelector(`#${id} .plot`);
  let shown = rows.slice(0, MOST_ROWS);
  let width = 0;
  const redraw = () => {
    width = widthWithin(box);
    if (width > 0) box.replaceChildren(draw(shown, width));
  };
  const fit = () => {
    if (widthWithin(box) !== width) redraw();
  };
  if (rows.length > MOST_ROWS) {
    box.after(moreButton(rows.length, (all) => {
      shown = all ? rows : rows.slice(0, MOST_ROWS);
      redraw();
    }));
  }
  redraw();
  new ResizeObserver(() => requestAnimationFrame(fit)).observe(box);
  return redraw;
}

/** What a box has for its content. */
function widthWithin(box) {
  const { paddingLeft, paddingRight } = getComputedStyle(box);
  return Math.floor(box.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight));
}

/** A button between the first rows and all of them. */
function moreButton(count, show) {
  const button = document.createElement("button");
  const say = (all) => {
    button.textContent = all ? `Show the first ${MOST_ROWS}` : `Show all ${count}`;
    button.setAttribute("aria-expanded", all);
  };
  button.type = "button";
  button.addEventListener("click", () => {
    const all = button.getAttribute("aria-expanded") === "false";
    say(all);
    show(all);
  });
  say(false);
  return button;
}

/** Bounds that are not known: short arrows from `value`, to the right or up for a high one. */
function openEnds(estimates, place, { upright, ...look }) {
  const arrow = { ...place, shape: "arrow", anchor: "start", length: 30, r: 3, strokeWidth: 1.3, ...look };
  return [["high", 0], ["low", 180]].map(([bound, turn]) => Plot.vector(
    estimates.filter((estimate) => estimate[bound] === null),
    { ...arrow, rotate: turn + (upright ? 0 : 90) },
  ));
}

/** One picture with one text: readers of the screen get `told` in place of a thousand marks. */
function picture(told, options) {
  const svg = Plot.plot({ style: { fontSize: "12px", fontFamily: "inherit", background: "none" }, ...options });
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", told);
  return svg;
}

/** Times that the page gives in UTC, in the reader's own zone. */
function localTimes() {
  const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const element of document.querySelectorAll("time[datetime]")) {
    element.title = element.textContent;
    element.textContent = form.format(new Date(element.dateTime));
  }
}
