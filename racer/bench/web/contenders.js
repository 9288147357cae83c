"use strict";

// The rows of all plots: who stands where, in which colour, and what is said where there is nobody.

/** Policies first, then lanes, each by their medians; who never answered goes last. */
function inOrder(rows) {
  const median = (row) => row.latency.p50?.value ?? Infinity;
  return d3.sort(rows, (row) => (row.kind === "policy" ? 0 : 1), median, (row) => row.id);
}

/** Whether there is anything to draw in the figure `id`; where there is not, its place says so. */
function hasSome(id, things) {
  if (things.length) return true;
  const figure = document.getElementById(id);
  figure.replaceChildren(document.createTextNode(figure.dataset.empty));
  return false;
}

function colourOf(row) {
  return row.kind === "policy" ? "var(--policy)" : "var(--lane)";
}
