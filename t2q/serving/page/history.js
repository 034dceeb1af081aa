// The questions that were asked in this browser, of one run: kept, searched, asked again.
import { $, element, icon, say } from "./dom.js";
import { read, write } from "./storage.js";

const MOST = 300;
const when = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export class History {
  /** `panel` holds a search field, a list and buttons; `onAsk(question)` is called to ask one again. */
  constructor(panel, run, onAsk) {
    this.panel = panel;
    this.key = `t2q.history.${run}`;
    this.onAsk = onAsk;
    this.search = $("input", panel);
    this.undone = null;
    this.search.addEventListener("input", () => this.#show());
    $(".clear", panel).addEventListener("click", () => this.#clear());
    $(".undo", panel).addEventListener("click", () => this.#undo());
    window.addEventListener("storage", (event) => event.key === this.key && this.#show()); // asked in another window
    this.#show();
  }

  get #kept() {
    const kept = read(this.key, []);
    return Array.isArray(kept) ? kept.filter((entry) => typeof entry?.question === "string" && Number.isFinite(entry.at)) : [];
  }

  #keep(entries) {
    write(this.key, entries.slice(0, MOST));
    this.#show();
  }

  /** The latest first; a question that is asked again moves up. */
  add(question, query, outcome) {
    this.undone = null;
    const others = this.#kept.filter((entry) => entry.question !== question);
    this.#keep([{ question, query, outcome, at: Date.now() }, ...others]);
  }

  #clear() {
    this.undone = this.#kept;
    this.#keep([]);
    say("The history is empty now.");
    $(".undo", this.panel).focus();
  }

  #undo() {
    const undone = this.undone;
    this.undone = null;
    this.#keep(undone);
    this.search.focus();
  }

  #remove(entry) {
    this.#keep(this.#kept.filter((other) => other.question !== entry.question));
    this.search.focus();
  }

  #show() {
    const kept = this.#kept;
    const wanted = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = kept.filter(({ question, query }) => wanted.every((word) => `${question}\n${query}`.toLowerCase().includes(word)));
    $("ol", this.panel).replaceChildren(...found.map((entry) => this.#item(entry)));
    $(".none", this.panel).hidden = found.length > 0;
    $(".none", this.panel).textContent = kept.length ? "No question has these words." : "What you ask is kept here, in this browser only.";
    $(".clear", this.panel).hidden = kept.length === 0;
    $(".undo", this.panel).hidden = this.undone === null;
  }

  #item(entry) {
    const { question, outcome, at } = entry;
    const note = element("small", {}, `${outcome} · ${when.format(at)}`);
    const again = { type: "button", class: "again", onclick: () => this.onAsk(question) };
    const remove = { type: "button", class: "plain", title: "Remove", onclick: () => this.#remove(entry) };
    return element(
      "li",
      {},
      element("button", again, element("span", {}, question), note),
      element("button", { ...remove, "aria-label": `Remove “${question}” from the history` }, icon("close")),
    );
  }
}
