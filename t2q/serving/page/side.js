// The schema and the history beside the page; over it, where the window is narrow.
import { $ } from "./dom.js";

const narrow = matchMedia("(max-width: 980px)");

export class Side {
  constructor() {
    this.root = $("#side");
    this.tabs = [...this.root.querySelectorAll("[role=tab]")];
    for (const tab of this.tabs) tab.addEventListener("click", () => this.#select(tab));
    $("[role=tablist]", this.root).addEventListener("keydown", (event) => this.#arrow(event));
    $("#browse").addEventListener("click", () => this.open(this.#selected.getAttribute("aria-controls")));
    $("#unbrowse").addEventListener("click", () => this.close());
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    narrow.addEventListener("change", () => this.#over(false));
    this.#over(false);
  }

  /** Shows "schema" or "history", ready to be searched. */
  open(name) {
    this.#select(this.tabs.find((tab) => tab.getAttribute("aria-controls") === name));
    if (narrow.matches) this.#over(true);
    $(`#${name} input`).focus();
  }

  /** Where it lies over the page, it goes. */
  close() {
    if (!narrow.matches || this.root.hidden) return;
    this.#over(false);
    $("#browse").focus();
  }

  get #selected() {
    return this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
  }

  #over(whether) {
    this.root.hidden = narrow.matches && !whether;
    $("main").inert = $(".top").inert = narrow.matches && whether;
    $("#browse").setAttribute("aria-expanded", String(whether));
  }

  #select(chosen) {
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      $(`#${tab.getAttribute("aria-controls")}`).hidden = tab !== chosen;
    }
  }

  #arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = this.tabs.indexOf(document.activeElement);
    if (!step || at < 0) return;
    const next = this.tabs[(at + step + this.tabs.length) % this.tabs.length];
    this.#select(next);
    next.focus();
  }
}
