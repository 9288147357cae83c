"use strict";

// One race: each lane a track from its start to its end, with its first token, and how it went.

const TRACK_HEIGHT = 54;
const ENDS = { won: "won", lost: "stopped", failed: "failed", late: "valid, but late" };

/** The picture of a race. */
function tracksPicture(race, width) {
  const tracks = race.attempts.map((attempt, row) => ({ ...attempt, row, end: attempt.start + attempt.latency }));
  const high = tracks.length * TRACK_HEIGHT;
  const last = Math.max(race.took, ...tracks.map((track) => track.end), 0.001);
  return picture(`The race as tracks. ${raceTold(race).join(" ")}`, {
    width,
    height: high + 46,
    marginLeft: 8,
    marginRight: 14,
    marginTop: 10,
    marginBottom: 32,
    x: { domain: [0, last * 1.02] },
    y: { domain: [0, tracks.length], range: [10, high + 10], axis: null },
    marks: [
      Plot.gridX({ ticks: 5, stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisX({ ticks: 5, tickFormat: tick, tickSize: 0, label: null, color: "var(--soft)" }),
      ...trackBars(tracks),
      Plot.ruleX(tracks.filter(hasWon), { x: "end", stroke: "var(--won)", strokeDasharray: "3 4" }),
      ...trackWords(tracks, width),
    ],
  });
}

/** Pale while it waits, full from its first token on; an edge around what failed. */
function trackBars(tracks) {
  const writing = tracks.filter(hasToken);
  return [
    bars(tracks, "start", "end", { fillOpacity: 0.22 }),
    bars(writing, firstToken, "end", { fillOpacity: 0.75 }),
    bars(tracks.filter((track) => track.outcome === "failed"), "start", "end", { fill: "none", stroke: colourOfEnd }),
    Plot.ruleX(writing, {
      x: firstToken,
      y1: (track) => track.row + 0.38,
      y2: (track) => track.row + 0.9,
      stroke: "var(--ink)",
      strokeWidth: 2.5,
    }),
  ];
}

/** The part of each track between two instants. */
function bars(tracks, x1, x2, look) {
  const y1 = (track) => track.row + 0.44;
  const y2 = (track) => track.row + 0.84;
  return Plot.rect(tracks, { x1, x2, y1, y2, fill: colourOfEnd, strokeDasharray: "4 3", rx: 2, ...look });
}

/** Above each track its lane, and how it ended. */
function trackWords(tracks, width) {
  const place = { y: (track) => track.row + 0.24, stroke: "var(--card)", strokeWidth: 5 };
  return [
    Plot.text(tracks, {
      ...place,
      text: (track) => isolated(track.lane),
      title: "lane",
      frameAnchor: "left",
      fontWeight: 550,
      fontSize: 12.5,
      fill: "currentColor",
      lineWidth: ems(width - 140),
      textOverflow: "ellipsis-middle",
    }),
    Plot.text(tracks, {
      ...place,
      text: (track) => endOf(track),
      title: "reason",
      frameAnchor: "right",
      fontSize: 12,
      fontWeight: 600,
      fill: (track) => (track.outcome === "lost" ? "var(--soft)" : colourOfEnd(track)),
    }),
  ];
}

function colourOfEnd(track) {
  return track.outcome in ENDS ? `var(--${track.outcome})` : "var(--lost)";
}

function hasWon(track) {
  return track.outcome === "won";
}

function hasToken(track) {
  return track.first !== null;
}

function firstToken(track) {
  return track.start + track.first;
}

/** Short: the reason is told below. */
function endOf({ outcome, status, end }) {
  const how = [ENDS[outcome] ?? outcome, outcome === "failed" ? status : null].filter(Boolean).join(" ");
  return `${how} · ${seconds(end)}`;
}

/** The race in sentences, one a lane. */
function raceTold(race) {
  return race.attempts.map((attempt) => {
    const { lane, start, latency, outcome, reason } = attempt;
    const first = hasToken(attempt) ? `first token at ${seconds(firstToken(attempt))}` : "no first token";
    const why = outcome === "failed" && reason ? ` (${isolated(reason)})` : "";
    const end = `${ENDS[outcome] ?? outcome} at ${seconds(start + latency)}${why}`;
    return `${isolated(lane)} started at ${seconds(start)}, ${first}, ${end}.`;
  });
}
