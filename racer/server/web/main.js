// The dashboard: asks for figures, listens to events, and passes both to those who show them.
//
// `seconds`, `tick`, `picture` and `keepDrawn` are of figure.js, which every page of racer has;
// `d3` and `Plot` are the libraries before it.

import { showAlerts } from "./alerts.js";
import { Gone, Refused, eventsSince } from "./connection.js";
import { Figures } from "./figures.js";
import { showGlance } from "./glance.js";
import { Latency } from "./latency.js";
import { Live } from "./live.js";
import { notice, noticeOfHealth } from "./notice.js";
import { Prompt } from "./prompt.js";
import { showQuotas } from "./quotas.js";
import { Races } from "./race.js";
import { Recent } from "./recent.js";
import { showServed } from "./served.js";
import { showTimeline } from "./timeline.js";
import { tokenGiven } from "./tokens.js";
import { at, clock, sentence } from "./words.js";

const TELLING = ["race.won", "race.lost", "quota.exhausted", "cooldown.started", "cooldown.ended"]; // of new figures
const PATIENCE = [1, 2, 4, 8, 15]; // seconds before the next try, of a server that does not answer

class Dashboard {
  constructor() {
    this.ahead = 0; // of this machine's clock, the server's, in seconds
    this.last = "";
    this.tries = 0;
    this.retrying = null;
    this.greeting = null;
    this.arriving = false; // with a token that was given just now
    this.races = new Races();
    this.latency = new Latency();
    this.live = new Live(this.races, () => Date.now() / 1000 + this.ahead);
    this.recent = new Recent(showTimeline);
    this.prompt = new Prompt((id) => this.live.pin(id));
    this.figures = new Figures((documents) => this.show(documents), (error) => this.recover(error));
  }

  async begin() {
    await this.figures.now();
    this.listen();
  }

  show(documents) {
    this.tries = 0;
    this.ahead = documents.now - Date.now() / 1000;
    noticeOfHealth(documents.health);
    showGlance(documents);
    showAlerts(documents);
    showQuotas(documents);
    showServed(documents, this.races);
    this.endUnknown(documents);
    this.recent.show(documents);
    this.latency.showEmpty();
    if (this.arriving) at("headline").focus();
    this.arriving = false;
    at("as-of").replaceChildren("As of ", clock(documents.usage.at), ".");
    this.greeting ??= this.prompt.learnModels().catch((error) => {
      this.greeting = null;
      return this.recover(error);
    });
  }

  /** Races that the server does not know any more. Those that have begun since it was asked are not meant. */
  endUnknown({ running, now }) {
    if (running === null) return;
    const known = new Set(running.map((race) => race.race_id));
    this.races.endUnseen((race) => race.at < now && !known.has(race.id), now);
    this.live.stir();
  }

  /** Listens as long as the page is open. */
  async listen() {
    for (;;) {
      try {
        for await (const event of eventsSince(this.last)) this.hear(event);
      } catch (error) {
        await this.recover(error);
      }
      await pause(1);
    }
  }

  hear(event) {
    if (event.id && this.last && lifeOf(event.id) !== lifeOf(this.last)) this.races.endUnseen(() => true, event.at);
    this.last = event.id || this.last;
    const race = this.races.hear(event);
    if (race !== undefined) {
      this.latency.hear(event, race);
      this.live.stir();
    }
    if (event.event === "lost" || TELLING.includes(event.event)) this.figures.raceEnded();
  }

  /** Whoever fails comes here; one way back is tried at a time. Afterwards the figures are there again. */
  recover(error) {
    this.retrying ??= this.tryAgain(error).finally(() => {
      this.retrying = null;
    });
    return this.retrying;
  }

  async tryAgain(error) {
    if (error instanceof Refused && error.status === 401) {
      notice("");
      await tokenGiven();
      this.arriving = true;
    } else {
      if (!(error instanceof Refused || error instanceof Gone)) reportError(error);
      const wait = PATIENCE[Math.min(this.tries, PATIENCE.length - 1)];
      this.tries += 1;
      notice("gone", error instanceof Refused ? `The server refuses: ${sentence(error.message)} It is asked again.`
        : "The server does not answer. What is below is old; it is tried again every few seconds.");
      await pause(wait);
    }
    setTimeout(() => this.figures.now());
  }
}

/** Ids begin with the run of the server that gave them. */
function lifeOf(id) {
  return id.split("-", 1)[0];
}

function pause(length) {
  return new Promise((over) => setTimeout(over, length * 1000));
}

document.documentElement.classList.add("scripted");
new Dashboard().begin();
