// Whether an answer was right, and the query that would have been.
import { ServerError, sendFeedback } from "./api.js";
import { $ } from "./dom.js";
import { Editor } from "./editor.js";

export class Feedback {
  /** `currentQuery()` is what a correction begins from. */
  constructor(language, currentQuery) {
    this.root = $("#feedback");
    this.form = $("#correction");
    this.thumbs = [...this.root.querySelectorAll("[data-rating]")];
    this.currentQuery = currentQuery;
    this.editor = new Editor($(".editor", this.form), { label: "The right query", language, onRun: () => this.form.requestSubmit() });
    for (const thumb of this.thumbs) thumb.addEventListener("click", () => this.#rate(thumb));
    $("#correct").addEventListener("click", () => this.#open(this.form.hidden));
    $("#no-correction").addEventListener("click", () => this.#open(false));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#correct();
    });
  }

  /** For the answer with this id; without one there is nothing to say. */
  show(id) {
    this.id = id;
    this.root.hidden = !id;
    this.#press(null);
    $("#h-feedback").textContent = "Is this right?";
    this.form.hidden = true;
    $("#correct").textContent = this.currentQuery() ? "Correct the query" : "Write the query";
    $("#correct").setAttribute("aria-expanded", "false");
    $("#thanks").textContent = $("#refused").textContent = "";
  }

  /** What is shown now is no longer what the model wrote. */
  edited() {
    $("#h-feedback").textContent = "Was the model right?";
  }

  #press(rating) {
    for (const thumb of this.thumbs) thumb.setAttribute("aria-pressed", String(thumb.dataset.rating === rating));
  }

  // Pressed once more, it is taken back.
  async #rate(thumb) {
    if (!this.id) return;
    const rating = thumb.getAttribute("aria-pressed") === "true" ? null : thumb.dataset.rating;
    const told = { up: "Noted as right.", down: "Noted as wrong. You can say what would have been right." };
    await this.#send({ rating }, () => {
      this.#press(rating);
      $("#thanks").textContent = told[rating] ?? "Taken back.";
    }, $("#thanks"));
  }

  #open(whether) {
    this.form.hidden = !whether;
    $("#correct").setAttribute("aria-expanded", String(whether));
    $("#refused").textContent = "";
    if (!whether) return $("#correct").focus();
    this.editor.value = this.currentQuery();
    this.editor.field.focus();
  }

  async #correct() {
    $("#refused").textContent = "";
    await this.#send({ correction: this.editor.value }, () => {
      this.#open(false);
      $("#thanks").textContent = "Kept with the question.";
    }, $("#refused"));
  }

  // An answer that has given way to another meanwhile is told nothing.
  async #send(said, then, trouble) {
    const id = this.id;
    try {
      await sendFeedback({ id, ...said });
      if (id === this.id) then();
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (id === this.id) trouble.textContent = error.message;
    }
  }
}
