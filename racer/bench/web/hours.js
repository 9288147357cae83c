"use strict";

// The first token over time: a strip for each lane, all on one scale. Crosses are calls that failed.

const DAY = 24 * 3600;

/** The picture for the lanes in `rows`. A bench of more than a day is laid over the hours of one. */
function hoursPicture(rows, answers, failures, width) {
  const shown = new Set(rows.map((row) => row.id));
  const dots = answers.filter((answer) => shown.has(answer.of) && answer.first !== null);
  const crosses = failures.filter((failure) => shown.has(failure.of));
  const time = timeOfDay([...answers, ...failures].map((each) => each.at));
  const y = timeScale(dots.map((dot) => dot.first));
  return picture(hoursTold(rows, dots), {
    width,
    height: rows.length * 100 + 20,
    marginLeft: 48,
    marginRight: 14,
    marginTop: 26,
    marginBottom: 30,
    x: time.scale,
    y: { ...y, insetBottom: 8, insetTop: 4 },
    fy: { domain: rows.map(stripOf), axis: null, paddingInner: 0.3, paddingOuter: 0 },
    marks: [
      ...stripAxes(y, time, width),
      stripNames(rows, width),
      ...tokenMarks(dots, time.x, windowFor(dots.length / rows.length)),
      Plot.dot(crosses, {
        x: time.x,
        fy: (failure) => String(failure.of),
        frameAnchor: "bottom",
        dy: -5,
        r: 3,
        symbol: "times",
        stroke: "var(--failed)",
        strokeWidth: 1.8,
        title: "outcome",
      }),
    ],
  });
}

/** How instants are laid out: along the clock, or from 0 to 24 hours where they are of several days. */
function timeOfDay(instants) {
  const span = d3.max(instants) - d3.min(instants);
  if (span > DAY) {
    const ticks = (few) => d3.range(0, 25, few ? 6 : 3);
    return { scale: { domain: [0, 24] }, x: (each) => hourOf(each.at), ticks, tickFormat: clock };
  }
  const tickFormat = d3.timeFormat(span < 300 ? "%H:%M:%S" : "%H:%M");
  const ticks = (few) => (few ? 4 : 8);
  return { scale: { type: "time" }, x: (each) => new Date(each.at * 1000), ticks, tickFormat };
}

/** The hour of the day by the reader's own clock. */
function hourOf(at) {
  const when = new Date(at * 1000);
  return when.getHours() + when.getMinutes() / 60 + when.getSeconds() / 3600;
}

function clock(hour) {
  return `${String(hour).padStart(2, "0")}:00`;
}

function stripOf(row) {
  return String(row.id);
}

function stripAxes(y, time, width) {
  const ticks = stripTicks(y);
  const { tickFormat } = time;
  return [
    Plot.frame({ stroke: "var(--line)", anchor: "bottom" }),
    Plot.gridY({ ticks, stroke: "var(--line)", strokeOpacity: 1 }),
    Plot.axisY({ ticks, tickFormat: tick, tickSize: 0, label: null, color: "var(--soft)" }),
    Plot.axisX({ ticks: time.ticks(width < WIDE), tickFormat, tickSize: 3, label: null, color: "var(--soft)" }),
  ];
}

/** A strip is low: three lines at most. */
function stripTicks({ type, domain, ticks }) {
  if (type === "linear") return d3.ticks(...domain, 2);
  return ticks.filter((value, index) => index % Math.ceil(ticks.length / 3) === 0);
}

function stripNames(rows, width) {
  return Plot.text(rows, {
    fy: stripOf,
    text: (row) => isolated(row.name),
    title: "name",
    frameAnchor: "top-left",
    dy: -17,
    fontWeight: 600,
    fontSize: 12.5,
    fill: "currentColor",
    lineWidth: ems(width - 62),
    textOverflow: "ellipsis-middle",
  });
}

/** The first tokens, and through them the median of `k` neighbours each. */
function tokenMarks(dots, x, k) {
  const place = { x, y: "first", fy: (dot) => String(dot.of) };
  const line = { ...place, z: "of", sort: x, stroke: "var(--lane)", strokeWidth: 1.8 };
  return [
    Plot.dot(dots, { ...place, r: dots.length > 1500 ? 1.4 : 2.2, fill: "var(--lane)", fillOpacity: 0.55 }),
    Plot.line(dots, Plot.windowY({ k, reduce: "median", anchor: "middle" }, line)),
  ];
}

/** A seventh of what a lane has, an odd number. */
function windowFor(count) {
  return Math.max(3, Math.floor(count / 14) * 2 + 1);
}

function hoursTold(rows, dots) {
  const firsts = d3.rollup(dots, (group) => d3.median(group, (dot) => dot.first), (dot) => dot.of);
  const told = rows.filter((row) => firsts.has(row.id)).map((row) => `${row.name} ${seconds(firsts.get(row.id))}`);
  return `First tokens over time. In the middle of each strip: ${told.join("; ") || "none was seen"}.`;
}
