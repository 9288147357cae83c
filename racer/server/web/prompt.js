// A box to try a prompt. The answer comes as it is written, as text and nothing else.

import { Gone, Refused, chat, json } from "./connection.js";
import { at, counted, make, say, sentence } from "./words.js";

/** `watch` is told of the race as soon as it is known. */
export class Prompt {
  constructor(watch) {
    this.watch = watch;
    this.running = null;
    const form = at("try").querySelector("form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    this.button = form.querySelector("button[type=submit]");
    at("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    at("stop").addEventListener("click", () => this.running?.abort());
  }

  /** What `model` can be. */
  async learnModels() {
    const { data } = await json("/v1/models");
    at("models").replaceChildren(...data.map(({ id }) => make("option", { value: id })));
  }

  async ask() {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    this.begin();
    try {
      await chat({ model: at("model").value, prompt: at("prompt").value, signal: running.signal }, this);
      if (this.running === running) this.finish();
    } catch (error) {
      if (this.running === running) this.fail(error, running);
    } finally {
      if (this.running === running) this.rest();
    }
  }

  begin() {
    Object.assign(this, { began: performance.now(), first: null, model: "" });
    at("answer").hidden = false;
    at("answer").replaceChildren();
    at("answer").setAttribute("aria-busy", "true");
    at("stop").disabled = false;
    say(at("answered"), "Racing…");
  }

  race(id) {
    if (id !== null) this.watch(id);
  }

  piece(text, model) {
    if (text === "") return;
    this.first ??= performance.now() - this.began;
    this.model = model;
    at("answer").append(text);
  }

  finish() {
    const took = seconds((performance.now() - this.began) / 1000);
    const first = this.first === null ? "" : `, the first words after ${seconds(this.first / 1000)}`;
    const words = at("answer").textContent.split(/\s+/).filter(Boolean).length;
    say(at("answered"), `${counted(words, "word")} from ${isolated(this.model)} in ${took}${first}.`);
  }

  fail(error, running) {
    if (running.signal.aborted) say(at("answered"), "Stopped.");
    else if (error instanceof Refused) say(at("answered"), `No answer (${error.status}): ${sentence(error.message)}`);
    else if (error instanceof Gone || error instanceof TypeError) say(at("answered"), "The answer broke off: the server has gone.");
    else throw error;
  }

  rest() {
    this.running = null;
    at("answer").removeAttribute("aria-busy");
    at("answer").hidden = at("answer").textContent === "";
    if (document.activeElement === at("stop")) this.button.focus(); // one that is disabled loses the focus
    at("stop").disabled = true;
  }
}
