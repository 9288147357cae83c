// The form for a token, where the server wants one. What was typed is kept until the tab is closed.

import { hasToken, useToken } from "./connection.js";
import { at, say } from "./words.js";

/** Waits for a token, and shows nothing else meanwhile. */
export function tokenGiven() {
  const section = at("token");
  const field = at("token-value");
  say(at("token-said"), hasToken() ? "The server does not know this token." : "");
  useToken("");
  section.hidden = false;
  at("content").hidden = true;
  field.focus();
  return new Promise((given) => {
    section.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      useToken(field.value.trim());
      field.value = "";
      section.hidden = true;
      at("content").hidden = false;
      given();
    }, { once: true });
  });
}
