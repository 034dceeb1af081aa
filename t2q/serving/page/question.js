// The field for the question, as high as what is written in it, and questions to begin with while it is empty.
import { $, element } from "./dom.js";

export class Question {
  /** `onAsk(question)` is called at Enter, at the button, and for an example; `onChange(text)` when there is other text. */
  constructor(examples, onAsk, onChange) {
    this.field = $("#question");
    this.examples = $("#examples");
    this.onChange = onChange;
    const form = $("#ask");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const question = this.field.value.trim();
      if (question) onAsk(question);
      else this.field.focus();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.field.addEventListener("input", () => this.#changed());
    const chip = (question) => element("li", {}, element("button", { type: "button", onclick: () => onAsk(question) }, question));
    $("ul", this.examples).replaceChildren(...examples.map(chip));
    this.#changed();
    this.focus();
  }

  set value(question) {
    this.field.value = question;
    this.#changed();
  }

  get hasFocus() {
    return document.activeElement === this.field;
  }

  /** Ready to be overwritten. */
  focus() {
    this.field.focus();
    this.field.select();
  }

  /** Puts a name where the cursor is, with a space around it where one is missing. */
  insert(name) {
    const { selectionStart: from, selectionEnd: to, value } = this.field;
    const before = /\S$/.test(value.slice(0, from)) ? " " : "";
    const after = /^[\s?.,!]/.test(value.slice(to)) ? "" : " ";
    this.field.focus();
    this.field.setRangeText(before + name + after, from, to, "end");
    this.#changed();
  }

  #changed() {
    $("#ask .grows div").textContent = `${this.field.value}\n`;
    this.onChange(this.field.value.trim());
    this.examples.hidden = this.field.value !== "" || !this.examples.querySelector("li");
  }
}
