// Rows as a table that can be sorted. Only the rows in sight are in the page, so that thousands stay smooth.
import { element, icon, say } from "./dom.js";
import { isNumber, isNumeric, plain, shown } from "./format.js";
import { width } from "./measure.js";

const ROW = 37; // pixels, as in style.css
const FONT = 14; // likewise
const AROUND = 26; // on both sides of a cell's text
const SORT = 22; // the drawing beside a header
const WIDEST = 2 * FONT; // that a character can be
const TALL = 12; // rows that are shown without scrolling
const SPARE = 15; // rows kept above and below what is in sight
const HEADED = 28; // characters of a column's name that there is room for
const FOLDED = 48; // characters; a longer text is shown whole in a window of its own
const collator = new Intl.Collator("en", { numeric: true });
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

const kind = (value) => (value === null ? 2 : isNumber(value) ? 0 : 1);

// Numbers before texts, null last in either direction.
function compare(a, b, sign) {
  const [left, right] = [kind(a), kind(b)];
  if (left === 2 || right === 2) return left - right;
  if (left !== right) return sign * (left - right);
  return sign * (left === 0 ? (a < b ? -1 : a > b ? 1 : 0) : collator.compare(plain(a), plain(b)));
}

export class Rows {
  /** `scroller` holds the table; `onWhole(column, text)` is called for a cell that was too long to show. */
  constructor(scroller, onWhole) {
    this.scroller = scroller;
    this.onWhole = onWhole;
    scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(scroller);
  }

  show(columns, rows) {
    Object.assign(this, { columns, rows, sorted: rows, column: -1, direction: "none" });
    this.numeric = columns.map((_, i) => isNumeric(rows, i));
    this.headers = columns.map((_, i) => this.#header(i));
    this.body = element("tbody");
    this.drawn = new Map();
    const widths = columns.map((_, i) => this.#width(i));
    const bars = widths.map((pixels) => {
      const bar = element("col");
      bar.style.width = `${pixels}px`;
      return bar;
    });
    const head = element("thead", {}, element("tr", { "aria-rowindex": 1 }, ...this.headers));
    const group = element("colgroup", {}, ...bars);
    const table = element("table", { "aria-rowcount": rows.length + 1 }, group, head, this.body);
    table.style.width = `${widths.reduce((sum, pixels) => sum + pixels, 0)}px`;
    this.scroller.classList.toggle("tall", rows.length > TALL);
    this.scroller.replaceChildren(table);
    this.#redraw();
  }

  /** The rows in the order in which they are shown. */
  get inOrder() {
    return this.sorted;
  }

  #header(i) {
    const name = element("span", { title: this.columns[i] }, this.columns[i]);
    const button = element("button", { type: "button", onclick: () => this.#sort(i) }, name, icon("sort"));
    return element("th", { scope: "col", "aria-sort": "none", class: this.numeric[i] ? "numeric" : null }, button);
  }

  // So that every text that is not folded is seen whole. Few of them have to be measured for that.
  #width(i) {
    let most = width(this.columns[i].slice(0, HEADED), FONT, 600) + SORT;
    for (const row of this.rows) {
      const text = shown(row[i]).slice(0, FOLDED);
      if (text.length * WIDEST > most) most = Math.max(most, width(text, FONT));
    }
    return Math.ceil(most) + AROUND;
  }

  #sort(i) {
    this.direction = this.column === i ? NEXT[this.direction] : "ascending";
    this.column = i;
    this.headers.forEach((header, at) => header.setAttribute("aria-sort", at === i ? this.direction : "none"));
    const sign = this.direction === "descending" ? -1 : 1;
    this.sorted = this.direction === "none" ? this.rows : [...this.rows].sort((a, b) => compare(a[i], b[i], sign));
    this.scroller.scrollTop = 0;
    this.#redraw();
    say(this.direction === "none" ? "In the order of the query." : `Sorted by ${this.columns[i]}, ${this.direction}.`);
  }

  #redraw() {
    this.above = element("tr", { class: "gap", "aria-hidden": "true" });
    this.below = element("tr", { class: "gap", "aria-hidden": "true" });
    this.body.replaceChildren(this.above, this.below);
    this.drawn.clear();
    this.#draw();
  }

  // Rows that were in sight and still are stay the same elements, so that the focus is not lost.
  #draw() {
    if (!this.body) return;
    const from = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - SPARE);
    const bottom = this.scroller.scrollTop + this.scroller.clientHeight;
    const to = Math.min(this.sorted.length, Math.ceil(bottom / ROW) + SPARE);
    for (const [at, row] of this.drawn)
      if (at < from || at >= to) {
        row.remove();
        this.drawn.delete(at);
      }
    let next = this.below;
    for (let at = to - 1; at >= from; at--) {
      if (!this.drawn.has(at)) {
        this.drawn.set(at, this.#row(at));
        next.before(this.drawn.get(at));
      }
      next = this.drawn.get(at);
    }
    this.above.style.height = `${from * ROW}px`;
    this.below.style.height = `${(this.sorted.length - to) * ROW}px`;
  }

  #row(at) {
    return element("tr", { "aria-rowindex": at + 2 }, ...this.sorted[at].map((value, i) => this.#cell(value, i)));
  }

  #cell(value, i) {
    const text = shown(value);
    const classes = [value === null || value === "" ? "null" : "", this.numeric[i] ? "numeric" : ""].join(" ").trim();
    if (text.length <= FOLDED && !text.includes("\n")) return element("td", { class: classes || null }, text);
    const open = () => this.onWhole(this.columns[i], text);
    const fold = { type: "button", class: "fold", title: "Show the whole text", onclick: open };
    return element("td", {}, element("button", fold, text.slice(0, 2 * FOLDED)));
  }
}
