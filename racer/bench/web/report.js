"use strict";

// Draws the figures of a bench's report. Text and tables are in the page already.

function drawReport({ rows, answers, failures, races }) {
  document.documentElement.classList.add("scripted");
  localTimes();
  const ordered = inOrder(rows);
  const lanes = ordered.filter((row) => row.kind === "lane");
  const timed = answers.filter((answer) => answer.first !== null);
  if (hasSome("latency", answers)) {
    keepDrawn("latency", ordered, (shown, width) => latencyPicture(shown, answers, width));
  }
  if (hasSome("cost", answers)) {
    keepDrawn("cost", [null], (_, width) => costPictures(ordered, width));
  }
  if (hasSome("race", races)) raceChoice(races);
  if (hasSome("hours", timed)) {
    keepDrawn("hours", lanes, (shown, width) => hoursPicture(shown, answers, failures, width));
  }
}

drawReport(pageData());
