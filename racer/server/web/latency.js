// Latency and first token of each lane over time: a strip for each, on one scale. Crosses are failures.

import { amount, at, make, named, table } from "./words.js";

const LANES = 6;
const MOST = 1500;
const GAP = 1000; // milliseconds between two drawings

/** What lanes have shown lately. */
export class Latency {
  constructor() {
    this.marks = [];
    this.timer = 0;
    this.redraw = null;
  }

  /** `race` is the one that the event has changed. */
  hear({ event, at: when, lane, after }, race) {
    if (event === "lane.first_token") this.add({ kind: "first", lane, at: when, value: after });
    if (event === "lane.failed") this.add({ kind: "failed", lane, at: when, value: null });
    if (event !== "lane.won" && event !== "lane.late") return;
    const run = race.runs.findLast((each) => each.lane === lane);
    if (run?.end) this.add({ kind: "whole", lane, at: when, value: run.end - run.start });
  }

  add(mark) {
    this.marks.push(mark);
    if (this.marks.length > MOST) this.marks.shift();
    this.timer ||= setTimeout(() => this.draw(), this.redraw === null ? 0 : GAP);
  }

  draw() {
    this.timer = 0;
    at("strip-table").replaceChildren(tableOf(this.marks));
    if (this.redraw === null) this.redraw = keepDrawn("strips", [null], (_, width) => pictureOf(this.marks, width));
    else this.redraw();
  }

  /** Nothing was seen yet. */
  showEmpty() {
    if (this.marks.length > 0) return;
    at("strips").querySelector(".plot").replaceChildren(make("p", { class: "soft" }, "Nothing was seen since the server began."));
  }
}

/** The lanes that were seen most, by name. */
function lanesOf(marks) {
  const counts = d3.rollup(marks, (group) => group.length, (mark) => mark.lane);
  return Array.from(counts).sort((a, b) => b[1] - a[1]).slice(0, LANES).map(([lane]) => lane).sort(d3.ascending);
}

function pictureOf(marks, width) {
  const lanes = lanesOf(marks);
  const shown = marks.filter((mark) => lanes.includes(mark.lane));
  const y = timeScale(shown.filter((mark) => mark.value !== null).map((mark) => mark.value));
  const svg = picture(told(lanes, shown), {
    width,
    height: lanes.length * 108 + 26,
    marginLeft: 48,
    marginRight: 26,
    marginTop: 24,
    marginBottom: 26,
    x: { type: "time", domain: spanOf(shown) },
    y: { ...y, insetBottom: 8, insetTop: 4 },
    fy: { domain: lanes, axis: null, paddingInner: 0.25, paddingOuter: 0 },
    marks: [...axes(y, width), ...names(lanes, width), ...dots(shown)],
  });
  svg.querySelector("style")?.remove(); // the page has it in dashboard.css: no style within is let through
  return svg;
}

/** A minute at least, so that the first dots do not fill the page. */
function spanOf(marks) {
  const [from, to] = d3.extent(marks, (mark) => mark.at * 1000);
  return [new Date(Math.min(from, to - 60_000)), new Date(to)];
}

function axes(y, width) {
  const ticks = y.type === "linear" ? d3.ticks(...y.domain, 2) : y.ticks.filter((_, index, all) => index % Math.ceil(all.length / 3) === 0);
  return [
    Plot.frame({ stroke: "var(--line)", anchor: "bottom" }),
    Plot.gridY({ ticks, stroke: "var(--line)", strokeOpacity: 1 }),
    Plot.axisY({ ticks, tickFormat: tick, tickSize: 0, label: null, color: "var(--soft)" }),
    Plot.axisX({ ticks: width < WIDE ? 3 : 7, tickFormat: d3.timeFormat("%H:%M:%S"), tickSize: 3, label: null, color: "var(--soft)" }),
  ];
}

function names(lanes, width) {
  return [Plot.text(lanes, {
    fy: (lane) => lane,
    text: isolated,
    frameAnchor: "top-left",
    dy: -16,
    fontWeight: 600,
    fontSize: 12.5,
    fill: "currentColor",
    lineWidth: ems(width - 62),
    textOverflow: "ellipsis-middle",
  })];
}

function dots(marks) {
  const where = { x: (mark) => new Date(mark.at * 1000), fy: "lane" };
  const of = (kind) => marks.filter((mark) => mark.kind === kind);
  return [
    Plot.dot(of("whole"), { ...where, y: "value", r: 3, symbol: "square", fill: "var(--policy)", fillOpacity: 0.8 }),
    Plot.dot(of("first"), { ...where, y: "value", r: 2.6, fill: "var(--lane)", fillOpacity: 0.75 }),
    Plot.dot(of("failed"), { ...where, frameAnchor: "bottom", dy: -5, r: 3, symbol: "times", stroke: "var(--failed)", strokeWidth: 1.8 }),
  ];
}

function summaries(marks) {
  return d3.groups(marks, (mark) => mark.lane).sort((a, b) => d3.ascending(a[0], b[0])).map(([lane, group]) => {
    const middle = (kind) => d3.median(group.filter((mark) => mark.kind === kind), (mark) => mark.value);
    const count = (kind) => group.filter((mark) => mark.kind === kind).length;
    return { lane, first: middle("first"), whole: middle("whole"), wholes: count("whole"), failed: count("failed") };
  });
}

function tableOf(marks) {
  const shown = (value) => (value === undefined ? "–" : seconds(value));
  const heads = ["Lane", "First token", "Whole answer", "Answers", "Failed"];
  const rows = summaries(marks).map(({ lane, first, whole, wholes, failed }) => (
    [named(lane), shown(first), shown(whole), amount(wholes), amount(failed)]));
  return table("Each lane: medians, since the server began", heads, rows);
}

function told(lanes, marks) {
  const firsts = summaries(marks).filter(({ lane, first }) => lanes.includes(lane) && first !== undefined);
  const medians = firsts.map(({ lane, first }) => `${lane} ${seconds(first)}`).join("; ") || "none was seen";
  return `First tokens and latencies over time. Median first tokens: ${medians}.`;
}
