// How the page asks its server: with the token, if one was given, and with two errors that it knows what to do with.

import { messagesOf } from "./messages.js";

const KEPT_AS = "racer-token";
const SILENCE = 20_000; // milliseconds without a heartbeat, after which a stream is taken for dead
const FROM_THE_START = "all"; // no id of any server: all that it has kept is sent

const SENDABLE = /^[\x20-\x7e]*$/; // by a header; no server has a token of other characters

let token = kept();

/** The server does not answer. */
export class Gone extends Error {}

/** It has answered, and not with what was asked for. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT_AS) ?? "";
  } catch {
    return ""; // a browser that keeps nothing
  }
}

/** From now on this token is sent; "" forgets it. */
export function useToken(value) {
  token = value;
  try {
    if (value) sessionStorage.setItem(KEPT_AS, value);
    else sessionStorage.removeItem(KEPT_AS);
  } catch {
    // It is kept as long as the page is open.
  }
}

export function hasToken() {
  return token !== "";
}

/** An answer whose status is good, or among `taken`. */
export async function ask(path, { headers = {}, taken = [], ...options } = {}) {
  if (!SENDABLE.test(token)) throw new Refused(401, "the token has characters that none has");
  const who = token ? { authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options, headers: { ...headers, ...who } });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Gone(error.message);
  }
  if (response.ok || taken.includes(response.status)) return response;
  throw new Refused(response.status, await reasonIn(response));
}

async function reasonIn(response) {
  try {
    const { error } = await response.json();
    return error.message;
  } catch {
    return `status ${response.status}`;
  }
}

export async function json(path, options) {
  const response = await ask(path, options);
  try {
    return await response.json();
  } catch (error) {
    throw new Gone(error.message);
  }
}

/** Every event from `last` on, until the stream ends; what an earlier life of the server has sent is not asked for. */
export async function* eventsSince(last) {
  const silence = new AbortController();
  let timer = 0;
  const stir = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE);
  };
  stir();
  try {
    const headers = { "last-event-id": last || FROM_THE_START };
    const response = await ask("/api/events", { headers, signal: silence.signal });
    for await (const { id, data } of messagesOf(response.body, stir)) yield { id, ...JSON.parse(data) };
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Gone(error.message);
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Asks `prompt` as a client would; `told` hears of the race, then of each piece of the answer. */
export async function chat({ model, prompt, signal }, told) {
  const response = await ask("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: prompt }], stream: true }),
    signal,
  });
  told.race(response.headers.get("x-racer-race-id"));
  for await (const { data } of messagesOf(response.body)) {
    if (data === "[DONE]") return;
    const piece = JSON.parse(data);
    if (piece.error) throw new Refused(502, piece.error.message);
    told.piece(piece.choices[0]?.delta?.content ?? "", piece.model);
  }
  throw new Gone("the answer broke off");
}
