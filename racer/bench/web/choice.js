"use strict";

// The choice of a race, by a list and by two buttons; what is chosen is drawn and told.

function raceChoice(races) {
  const figure = document.getElementById("race");
  const choice = figure.querySelector("select");
  const [earlier, later] = figure.querySelectorAll(".controls button");
  const byPolicy = d3.group(d3.range(races.length), (index) => races[index].policy);
  choice.append(...Array.from(byPolicy, ([policy, indices]) => raceGroup(policy, indices, races)));
  choice.value = Math.max(0, races.findIndex((race) => race.attempts.length > 1));
  const redraw = keepDrawn("race", [null], (_, width) => tracksPicture(races[choice.value], width));
  const tell = () => {
    figure.querySelector(".told").replaceChildren(...raceTold(races[choice.value]).map(listItem));
    earlier.disabled = choice.selectedIndex === 0;
    later.disabled = choice.selectedIndex === choice.length - 1;
  };
  const change = (by) => {
    choice.selectedIndex += by;
    redraw();
    tell();
  };
  choice.addEventListener("change", () => change(0));
  earlier.addEventListener("click", () => change(-1));
  later.addEventListener("click", () => change(1));
  tell();
}

/** The races of one policy, under its name. */
function raceGroup(policy, indices, races) {
  const group = document.createElement("optgroup");
  group.label = isolated(policy);
  group.append(...indices.map((index) => new Option(raceTitle(races[index]), index)));
  return group;
}

function raceTitle({ policy, round, outcome, took, attempts }) {
  const winner = attempts.find(hasWon);
  const end = winner ? `won by ${isolated(winner.lane)}` : `no answer: ${isolated(outcome)}`;
  return `${isolated(policy)}, round ${round + 1}: ${seconds(took)}, ${end}`;
}

function listItem(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}
