"use strict";

// What an answer costs beside how long it takes: requests to the right, seconds upwards, both by their ratios.

const COST_HEIGHT = 320;
const COST_FRAME = { marginLeft: 50, marginRight: 20, marginTop: 36, marginBottom: 42 };

/** One picture a share, beside each other where there is room. */
function costPictures(rows, width) {
  const priced = rows.filter((row) => row.requests_per_answer !== null && row.latency.p50);
  const each = width >= WIDE ? Math.floor((width - 24) / 2) : width;
  const box = document.createElement("div");
  box.className = "pair";
  box.append(...["p50", "p95"].map((share) => costPicture(priced, share, each)));
  return box;
}

function costPicture(rows, share, width) {
  const points = rows.map((row) => ({ ...row, ...row.latency[share], colour: colourOf(row) }));
  const policies = points.filter((point) => point.kind === "policy");
  const lanes = points.filter((point) => point.kind === "lane");
  const bounds = points.flatMap(({ low, high }) => [low, high]).filter((bound) => bound !== null);
  const x = { type: "log", domain: [0.93, costMost(points) * 1.12] };
  const y = timeScale([...points.map((point) => point.value), ...bounds]);
  const at = { x: "requests_per_answer", y: "value" };
  return picture(costTold(points, share), {
    ...COST_FRAME,
    width,
    height: COST_HEIGHT,
    x,
    y,
    marks: [
      Plot.text([share === "p50" ? "Median" : "p95"], {
        frameAnchor: "top-left", dx: -46, dy: -32, fontWeight: 650, fontSize: 13, fill: "currentColor",
      }),
      ...costAxes(x, y),
      Plot.line(d3.sort(policies, (point) => point.requests_per_answer), {
        ...at, stroke: "var(--policy)", strokeDasharray: "2 4", strokeOpacity: 0.7,
      }),
      boundBars(lanes, { strokeWidth: 3, strokeOpacity: 0.16 }),
      boundBars(policies, { strokeWidth: 5, strokeOpacity: 0.35 }),
      ...openEnds(policies, at, { upright: true, stroke: "colour" }),
      Plot.dot(lanes, { ...at, r: 3.5, fill: "var(--card)", stroke: "colour", strokeWidth: 1.6 }),
      Plot.dot(policies, { ...at, r: 5.5, symbol: "square", fill: "colour", stroke: "var(--card)" }),
      ...nameMarks(labelled(points, x, y, width), width),
      costTips(points, at, share),
    ],
  });
}

function costMost(points) {
  return Math.max(2, ...points.map((point) => point.requests_per_answer));
}

function costAxes(x, y) {
  const steps = [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32].filter((step) => step <= x.domain[1]);
  return [
    Plot.gridY({ ticks: y.ticks ?? 5, stroke: "var(--line)", strokeOpacity: 1 }),
    Plot.axisY({ ticks: y.ticks ?? 5, tickFormat: tick, tickSize: 0, label: null, color: "var(--soft)" }),
    Plot.axisX({
      ticks: steps, tickFormat: String, tickSize: 3, color: "var(--soft)",
      label: "requests an answer", labelAnchor: "center", labelArrow: "none",
    }),
  ];
}

function boundBars(points, look) {
  return Plot.ruleX(points, {
    x: "requests_per_answer",
    y1: (point) => point.low ?? point.value,
    y2: (point) => point.high ?? point.value,
    stroke: "colour",
    strokeLinecap: "round",
    ...look,
  });
}

/**
 * Every policy has its name beside it, and the fastest lane. No name lies on a point or on another:
 * of points side by side, the outermost has its name in its own line, and those behind it go above.
 */
function labelled(points, x, y, width) {
  const fastest = d3.least(points.filter((point) => point.kind === "lane"), (point) => point.value);
  const down = (y.type === "log" ? d3.scaleLog : d3.scaleLinear)(y.domain, [COST_HEIGHT - 42, 36]);
  const across = d3.scaleLog(x.domain, [50, width - 20]);
  const spots = points.map((point) => ({ point, x: across(point.requests_per_answer), y: down(point.value) }));
  const chosen = spots.filter(({ point }) => point.kind === "policy" || point === fastest);
  const free = new Map([[-1, Infinity], [1, Infinity]]);
  const upwards = d3.sort(chosen, (spot) => -Math.round(spot.y / 16), (spot) => -Math.abs(spot.x - 50));
  return upwards.map((spot) => {
    const side = spot.x > width * 0.6 ? -1 : 1;
    const place = Math.min(spot.y, free.get(side));
    free.set(side, place - 16);
    const near = spots.filter((each) => Math.abs(each.y - place) < 12 && Math.abs(each.x - spot.x) < width / 4);
    const edge = d3.max([spot, ...near], (each) => side * each.x) * side;
    return { point: spot.point, side, right: edge - spot.x + side * 11, shift: place - spot.y };
  });
}

/** Each name is a mark of its own: how far it is moved is no channel. */
function nameMarks(labels, width) {
  return labels.map(({ point, side, right, shift }) => Plot.text([point], {
    x: "requests_per_answer",
    y: "value",
    dx: right,
    dy: shift,
    text: (each) => isolated(each.name),
    textAnchor: side > 0 ? "start" : "end",
    fontWeight: 650,
    fontSize: 12.5,
    fill: "colour",
    stroke: "var(--card)",
    strokeWidth: 4,
    lineWidth: ems(width * 0.6),
    textOverflow: "ellipsis-middle",
  }));
}

function costTips(points, at, share) {
  const title = (point) => [
    isolated(point.name),
    `${share}: ${between(point)}`,
    `${point.requests_per_answer.toFixed(2)} requests an answer`,
  ].join("\n");
  return Plot.tip(points, Plot.pointer({ ...at, title, lineWidth: 22, lineHeight: 1.4, stroke: "var(--soft)" }));
}

function costTold(points, share) {
  const told = points.map(({ name, requests_per_answer: requests, value }) => (
    `${name} ${requests.toFixed(2)} requests, ${seconds(value)}`
  ));
  return `Requests an answer and the ${share} of latency: ${told.join("; ") || "nobody answered"}.`;
}
