"use strict";

// Draws the figures of a replay: what was, as one lane would be drawn, and what each policy would have given.

function drawReplay({ rows }) {
  document.documentElement.classList.add("scripted");
  localTimes();
  const answering = rows.filter((row) => row.latency.p50);
  if (hasSome("latency", answering)) {
    keepDrawn("latency", rows, (shown, width) => latencyPicture(shown, [], width));
  }
  if (hasSome("cost", answering)) {
    keepDrawn("cost", [null], (_, width) => costPictures(rows, width));
  }
}

drawReplay(pageData());
