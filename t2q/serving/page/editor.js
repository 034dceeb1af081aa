// A query that can be edited: a text field, clear as glass, over the same text in colours.
import { element } from "./dom.js";
import { tokens } from "./highlight.js";

export class Editor {
  /** Fills `root`. `onInput` is called when somebody has typed, `onRun` at Ctrl+Enter. */
  constructor(root, { label, language, onInput = () => {}, onRun = () => {} }) {
    this.language = language;
    this.code = element("code");
    this.field = element("textarea", {
      "aria-label": label,
      rows: 1,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      oninput: () => {
        this.#colour();
        onInput();
      },
      onkeydown: (event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        onRun();
      },
    });
    root.replaceChildren(element("pre", { "aria-hidden": "true" }, this.code), this.field);
  }

  get value() {
    return this.field.value;
  }

  set value(text) {
    this.field.value = text;
    this.#colour();
  }

  set readOnly(whether) {
    this.field.readOnly = whether;
  }

  // The last line break would not show without something after it.
  #colour() {
    this.code.replaceChildren(...coloured(this.field.value, this.language), "\n");
  }
}

/** What a query is shown as. */
export function coloured(query, language) {
  return tokens(query, language).map(({ text, style }) => (style ? element("span", { class: style }, text) : text));
}
