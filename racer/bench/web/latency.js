"use strict";

// How long answers took: a row each, the answers as dots, the median and the p95 with their bounds below.

const SHOWN_SHARES = [{ share: "p50", thick: 5, mark: 4.5 }, { share: "p95", thick: 2, mark: 3.5 }];

/** The picture for `rows` of contenders. Their answers may be none: a replay has only the figures. */
function latencyPicture(rows, answers, width) {
  const wide = width >= WIDE;
  const rowOf = new Map(rows.map((row, index) => [row.id, index]));
  const dots = answers.filter((answer) => rowOf.has(answer.of));
  const x = timeScale([...dots.map((dot) => dot.took), ...rows.flatMap(latencyFigures)]);
  const place = placesIn(wide, dots.length > 0);
  return picture(latencyTold(rows), {
    width,
    height: rows.length * (wide ? 46 : 62) + 62,
    marginLeft: wide ? 226 : 8,
    marginRight: 18,
    marginTop: 34,
    marginBottom: 28,
    x,
    y: { domain: [0, rows.length], range: [34, rows.length * (wide ? 46 : 62) + 34], axis: null },
    marks: [
      ...timeAxes(x, rows.length),
      Plot.ruleY(d3.range(rows.length + 1), { stroke: "var(--line)" }),
      rowNames(rows, place.name, wide, width),
      unanswered(rows, place.failed, wide),
      Plot.dot(dots, {
        x: "took",
        y: (dot, index) => rowOf.get(dot.of) + place.dots + jitter(index) * 0.15,
        r: dots.length > 1500 ? 1.6 : 2.4,
        fill: (dot) => colourOf(rows[rowOf.get(dot.of)]),
        fillOpacity: dots.length > 1500 ? 0.3 : 0.45,
      }),
      ...boundMarks(boundsOf(rows), place.bounds),
      Plot.tip(rows.filter((row) => row.latency.p50), Plot.pointerY({
        x: (row) => row.latency.p50.value,
        y: (row) => rowOf.get(row.id) + place.bounds,
        title: latencyTip,
        maxRadius: 400,
        lineHeight: 1.4,
        stroke: "var(--soft)",
        lineWidth: wide ? 40 : 22,
      })),
    ],
  });
}

/** Where in a row its parts are, from 0 above to 1 below. Without dots the bounds have the room. */
function placesIn(wide, dotted) {
  if (wide) return { name: 0.4, failed: 0.72, dots: 0.36, bounds: dotted ? 0.76 : 0.5 };
  return { name: 0.2, failed: 0.2, dots: 0.54, bounds: dotted ? 0.84 : 0.66 };
}

/** The axis above, and below as well where it would be far away. */
function timeAxes(x, count) {
  const axis = { ticks: x.ticks ?? 6, tickFormat: tick, tickSize: 0, label: null, color: "var(--soft)" };
  const above = Plot.axisX({ ...axis, anchor: "top" });
  const grid = Plot.gridX({ ticks: x.ticks ?? 6, stroke: "var(--line)", strokeOpacity: 1 });
  return count > 5 ? [grid, above, Plot.axisX({ ...axis, anchor: "bottom" })] : [grid, above];
}

/** Beside the rows where there is room, else above their dots; cut where they are too long. */
function rowNames(rows, at, wide, width) {
  return Plot.text(rows, {
    y: (row, index) => index + at,
    text: (row) => isolated(row.name),
    title: (row) => row.name,
    frameAnchor: "left",
    textAnchor: "start",
    dx: wide ? -218 : 0,
    fontWeight: 600,
    fontSize: 12.5,
    fill: "currentColor",
    lineWidth: ems(wide ? 218 : width - 110),
    textOverflow: "ellipsis-middle",
  });
}

/** Said of those alone that failed: a lane is not fast that is often not there. */
function unanswered(rows, at, wide) {
  const failed = rows.map((row, index) => ({ ...row, index })).filter((row) => row.answered < row.asked);
  return Plot.text(failed, {
    y: (row) => row.index + at,
    text: (row) => `${row.answered} of ${row.asked} answered`,
    frameAnchor: wide ? "left" : "right",
    textAnchor: wide ? "start" : "end",
    dx: wide ? -218 : 10,
    fontSize: 11.5,
    fill: (row) => (row.error_rate >= 0.05 ? "var(--failed)" : "var(--soft)"),
  });
}

function latencyFigures(row) {
  return SHOWN_SHARES.flatMap(({ share }) => Object.values(row.latency[share] ?? {}))
    .filter((value) => value !== null);
}

/** A bar for each share of each row. */
function boundsOf(rows) {
  return rows.flatMap((row, index) => SHOWN_SHARES.filter(({ share }) => row.latency[share])
    .map((shown) => ({ ...shown, ...row.latency[shown.share], row: index, colour: colourOf(row) })));
}

/** Bars between bounds that are known, an arrow towards those that are not. */
function boundMarks(bounds, at) {
  const y = (bound) => bound.row + at;
  const bars = SHOWN_SHARES.map(({ share, thick }) => Plot.ruleY(bounds.filter((bound) => bound.share === share), {
    y,
    x1: (bound) => bound.low ?? bound.value,
    x2: (bound) => bound.high ?? bound.value,
    stroke: "colour",
    strokeWidth: thick,
    strokeOpacity: 0.55,
    strokeLinecap: "round",
  }));
  return [
    ...bars,
    ...openEnds(bounds, { x: "value", y }, { stroke: "colour" }),
    Plot.dot(bounds, {
      x: "value",
      y,
      r: "mark",
      symbol: (bound) => (bound.share === "p50" ? "circle" : "diamond"),
      fill: (bound) => (bound.share === "p50" ? bound.colour : "var(--card)"),
      stroke: "colour",
      strokeWidth: 1.8,
    }),
  ];
}

function latencyTip(row) {
  const shares = Object.entries(row.latency).map(([share, estimate]) => `${share}: ${between(estimate)}`);
  return [isolated(row.name), ...shares, `${row.answered} of ${row.asked} answered`].join("\n");
}

/** What the picture shows, for who does not see it. */
function latencyTold(rows) {
  const medians = rows.filter((row) => row.latency.p50).map((row) => `${row.name} ${seconds(row.latency.p50.value)}`);
  return `How long answers took. Medians: ${medians.join("; ") || "nobody answered"}.`;
}
