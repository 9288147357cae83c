// The one banner of the page: what is wrong as a whole, and what to do. It is read out when it changes.

import { at, make, moment } from "./words.js";

let shown = "";

/** `words` may hold elements; `key` tells one notice from another, and "" takes the notice away. */
export function notice(key, ...words) {
  if (key === shown) return;
  shown = key;
  const box = at("notice");
  box.hidden = key === "";
  box.replaceChildren(...(key === "" ? [] : [make("p", {}, words)]));
}

/** What `/api/health` says of the whole. */
export function noticeOfHealth({ status, lanes, store, providers }) {
  if (status === "unavailable" && lanes === 0) {
    notice("no lanes", "No lane can run: no provider is set up. Set a key, such as GROQ_API_KEY, or start Ollama; ",
      make("code", {}, "racer init"), " tells how.");
  } else if (status === "unavailable") {
    const back = Math.min(...providers.map(({ cool_down: rest, reset }) => rest?.until ?? reset ?? Infinity));
    const when = Number.isFinite(back) ? ["The first one may be back at ", moment(back), "."] : "";
    notice("unavailable", `No lane is available: all of them rest, or their limits are used up. `, when);
  } else if (!store.available) {
    notice("store", "The database cannot be used: races go on, and what they use is counted in memory alone.");
  } else {
    notice("");
  }
}
