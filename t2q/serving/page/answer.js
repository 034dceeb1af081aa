// One question with its answer: the query as it is written, its rows, a drawing of them, or why there are none.
import { draw } from "./chart.js";
import { $, element, say } from "./dom.js";
import { Editor, coloured } from "./editor.js";
import { copy, csv, download, tsv } from "./export.js";
import { count, duration, grouped, sentence, shown } from "./format.js";
import { shapeOf } from "./shape.js";
import { Rows } from "./table.js";

// The kinds of an answer without rows: what happened, and what it means to who asked.
const KINDS = {
  refused: ["The model declined", "As far as it can tell, this database does not have the answer."],
  unsure: ["Not sure enough", "Above is the query that it would have asked. If that is what you mean, run it."],
  "no query": ["No query", "The model wrote something else. Other words may help."],
  cut: ["Cut short", "The query was longer than the model may write, and half a query can mean something else."],
  "too long": ["Too long a question", "There is no room for it beside the schema. Say it in fewer words."],
  syntax: ["Not a query", "It does not parse, so it was not run."],
  "not read-only": ["Stopped by the guard", "Only what is proven to read, and nothing more, is run."],
  "unknown name": ["Stopped by the guard", "It names something that this database does not have, so it was not run."],
  timeout: ["Stopped by the clock", "The database took longer over it than it may."],
  execution: ["Refused by the database", "It was run, and failed there."],
};
const OTHER = ["No rows", ""];

const FORMATS = { csv, tsv };

export class Answer {
  /** `onRun(query)` is called to run a query that was edited. */
  constructor(run, onRun) {
    this.run = run;
    this.root = $("#answer");
    this.result = $("#result");
    this.question = this.written = "";
    const again = () => onRun(this.editor.value);
    const used = { onInput: () => this.#edited(), onRun: again };
    this.editor = new Editor($("#query .editor"), { label: "Query", language: run.language, ...used });
    this.rows = new Rows($(".scroll", this.result), (column, text) => this.#whole(column, text));
    $("#rerun").addEventListener("click", again);
    $("#undo-edit").addEventListener("click", () => {
      this.editor.value = this.written;
      this.#edited();
      this.editor.field.focus();
    });
    $("#copy-query").addEventListener("click", () => this.#copy(this.editor.value, "The query"));
    for (const button of this.result.querySelectorAll("[data-copy]"))
      button.addEventListener("click", () => this.#copy(this.#as(button.dataset.copy), count(this.found.rows.length, "row")));
    $("#download").addEventListener("click", () => download(`${this.#fileName()}.csv`, this.#as("csv")));
    $("#whole .copy").addEventListener("click", () => this.#copy($("#whole pre").textContent, "The text"));
    this.drawn = {};
    new ResizeObserver(() => this.#draw()).observe($(".both", this.result));
  }

  /** What stands in the field of questions now: where it is another, this answer says what it is to. */
  isAsked(question) {
    $("#asked .question").textContent = `: ${this.question}`;
    $("#asked .question").classList.toggle("hidden", question === this.question);
  }

  /** A question has been asked: nothing is known yet. */
  begin(question) {
    this.question = question;
    this.isAsked(question);
    $("#confidence").hidden = true;
    $("#timing").textContent = "The model is writing…";
    $("#notes").replaceChildren();
    this.result.hidden = true;
    this.root.hidden = $("#query").hidden = false;
    this.draft("");
    this.#busy(true);
    say("The model is writing.");
  }

  /** What the model has written so far. */
  draft(text) {
    this.written = this.editor.value = text;
    this.#edited();
  }

  /** A query that was edited is running: the rows of before stay until it has others. */
  rerun() {
    $("#timing").textContent = "Running…";
    this.result.classList.add("stale");
    this.#busy(true);
  }

  /** There will be no answer. What was written stays, and may be edited. */
  stop(told) {
    $("#timing").textContent = told;
    this.root.hidden = !this.editor.value;
    this.#busy(false);
  }

  /** An answer as the server gives it; `own` where it is to a query that was edited. */
  show(found, own) {
    this.found = found;
    if (!own) this.draft(found.query);
    else if (found.written) this.editor.value = found.query;
    $("#query").hidden = !this.editor.value;
    this.#busy(false);
    this.result.hidden = false;
    this.result.dataset.state = found.abstained ? "declined" : "answered";
    $("#timing").textContent = told(found.seconds);
    $("#confidence").hidden = own || found.confidence === null;
    if (found.confidence !== null) {
      const percent = Math.round(100 * found.confidence);
      $("#confidence .told").textContent = `${percent} % sure${this.#wanted(found)}`;
      $("#confidence i").style.width = `${percent}%`;
    }
    this.#notes(found, own);
    this.#declined(found, own);
    const words = $(".words", this.result);
    words.textContent = found.abstained ? "" : found.words;
    words.hidden = !words.textContent;
    this.#rows(found);
    say(summary(found, own));
  }

  /** How sure it would have to be, of an answer that is held back. */
  #wanted({ kind }) {
    const { threshold } = this.run;
    if (kind !== "unsure" || threshold === null) return "";
    return threshold > 1 ? "; nothing is sure enough for this run" : `; an answer is given from ${Math.ceil(100 * threshold)} %`;
  }

  #busy(whether) {
    this.root.setAttribute("aria-busy", String(whether));
    this.editor.readOnly = whether;
    for (const id of ["#rerun", "#copy-query"]) $(id).disabled = whether;
    if (!whether) this.result.classList.remove("stale");
  }

  #edited() {
    const edited = this.editor.value !== this.written;
    $("#undo-edit").hidden = !edited;
    $("#rerun").classList.toggle("primary", edited);
  }

  #notes({ written, refuted }, own) {
    const notes = [];
    if (refuted) notes.push(["Asked again, since the schema has it. At first the model said: ", element("q", {}, refuted)]);
    if (written) {
      const code = element("code", {}, ...coloured(written, this.run.language));
      notes.push([`Put right by the schema. ${own ? "You" : "The model"} wrote: `, code]);
    }
    $("#notes").replaceChildren(...notes.map((note) => element("li", {}, ...note)));
  }

  #declined({ abstained, reason, kind }, own) {
    const place = $(".declined", this.result);
    place.hidden = !abstained;
    if (!abstained) return;
    const [what, hint] = KINDS[kind] ?? OTHER;
    $(".value", place).textContent = own ? what : "I don't know";
    $(".reason", place).textContent = sentence(reason);
    $(".kind", place).textContent = own ? "" : `${what}.`;
    $(".hint", place).textContent = hint;
  }

  #rows({ columns, rows, abstained, truncated }) {
    this.shape = abstained ? null : shapeOf(columns, rows);
    const figure = this.shape?.kind === "figure";
    $(".figure", this.result).hidden = !figure;
    if (figure) {
      $(".figure .value", this.result).textContent = grouped(this.shape.value);
      $(".figure .note", this.result).textContent = this.shape.name;
    }
    $(".drawing", this.result).hidden = !this.shape || figure;
    $(".table", this.result).hidden = abstained || figure || rows.length === 0;
    $("#takeaway").hidden = abstained;
    for (const button of $("#takeaway").querySelectorAll("button")) button.hidden = rows.length === 0;
    const all = rows.length ? count(rows.length, "row") : "The query ran, and nothing fits it: no rows.";
    $("#count").textContent = truncated ? `The first ${all}; there are more.` : all;
    this.rows.show(columns, rows);
    this.#draw();
  }

  #draw() {
    const place = $(".drawing", this.result);
    const [shape, width] = [this.shape, place.clientWidth];
    if (!width || (shape === this.drawn.shape && width === this.drawn.width)) return;
    draw(place, shape);
    this.drawn = { shape, width };
  }

  #whole(column, text) {
    $("#h-whole").textContent = column;
    $("#whole pre").textContent = text;
    $("#whole").showModal();
  }

  #as(format) {
    return FORMATS[format](this.found.columns, this.rows.inOrder);
  }

  #fileName() {
    return this.question.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "rows";
  }

  async #copy(text, what) {
    say((await copy(text)) ? `${what} copied.` : "The browser did not let the page copy.");
  }
}

function told({ write, run }) {
  const parts = [];
  if (write !== undefined) parts.push(`written in ${duration(write)}`);
  if (run !== undefined) parts.push(`run in ${duration(run)}`);
  const all = parts.join(", ");
  return all && all[0].toUpperCase() + all.slice(1);
}

/** What an answer came to, in a few words. */
export function outcome({ abstained, rows, truncated }) {
  if (abstained) return "I don't know";
  return (truncated ? "more than " : "") + count(rows.length, "row");
}

function summary(found, own) {
  if (found.abstained) return `${own ? "No rows" : "I don't know"}: ${sentence(found.reason)}`;
  if (found.words) return found.words;
  const [only] = found.rows;
  return found.rows.length === 1 && only.length === 1 ? `${found.columns[0]}: ${shown(only[0])}` : `${outcome(found)}.`;
}
