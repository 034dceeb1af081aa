// What went wrong, in words, and trying again: by itself where the server said when.
import { $ } from "./dom.js";

const LONGEST = 120; // seconds that are waited for

export class Trouble {
  constructor() {
    this.root = $("#trouble");
    $(".retry", this.root).addEventListener("click", () => this.#again());
    $(".dismiss", this.root).addEventListener("click", () => {
      this.hide();
      $("#question").focus();
    });
  }

  hide() {
    clearInterval(this.ticking);
    this.root.hidden = true;
  }

  /** `retry` is called when the time has come or somebody says so. */
  show({ message, wait }, retry) {
    this.hide();
    this.retry = retry;
    this.root.hidden = false;
    $(".told", this.root).textContent = message;
    this.#wait(wait !== null && wait <= LONGEST ? wait : null);
  }

  #wait(seconds) {
    const place = $(".wait", this.root);
    place.hidden = seconds === null;
    if (seconds === null) return;
    const end = Date.now() + 1000 * seconds;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      place.textContent = `Trying again in ${left} s.`;
      if (left <= 0) this.#again();
    };
    tick();
    if (!this.root.hidden) this.ticking = setInterval(tick, 250);
  }

  #again() {
    this.hide();
    this.retry();
  }
}
