// What the database holds, to look at and to take names from.
import { $, element, icon } from "./dom.js";
import { count, plain } from "./format.js";

const OPEN = 24; // columns in all; a schema of no more is shown unfolded

export class SchemaPanel {
  /** `panel` holds a search field and a list; `onName(name)` is called for a name that was clicked. */
  constructor(panel, run, onName) {
    this.run = run;
    this.onName = onName;
    this.search = $("input", panel);
    this.none = $(".none", panel);
    this.entities = run.entities.map((entity) => this.#entity(entity));
    $("ul", panel).replaceChildren(...this.entities.map(({ item }) => item));
    this.search.addEventListener("input", () => this.#filter());
    this.#filter();
  }

  // A search opens what it finds.
  #filter() {
    const wanted = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const small = this.entities.reduce((sum, { names }) => sum + names.length, 0) <= OPEN;
    let found = 0;
    for (const { item, names, open } of this.entities) {
      const fits = wanted.every((word) => names.some((name) => name.includes(word)));
      item.hidden = !fits;
      found += fits;
      open(wanted.length ? fits && !wanted.every((word) => names[0].includes(word)) : small);
    }
    this.none.hidden = found > 0;
  }

  #entity(entity) {
    const links = this.#links(entity);
    const names = [entity, ...entity.fields, ...links].map(({ name }) => name.toLowerCase());
    const inside = element("ul", { class: "fields" });
    const pressed = { "aria-label": `What ${entity.name} has`, onclick: () => open(inside.hidden) };
    const toggle = element("button", { type: "button", class: "plain toggle", ...pressed }, icon("open"));
    // What is inside is made when it is first looked at: there may be thousands of tables.
    const open = (whether) => {
      toggle.setAttribute("aria-expanded", whether);
      inside.hidden = !whether;
      if (!whether || inside.children.length) return;
      inside.append(...entity.fields.map((field) => this.#field(entity, field)), ...links.map((link) => this.#link(link)));
    };
    const rows = element("span", { class: "note" }, count(entity.rows, this.run.language === "sql" ? "row" : "node"));
    const head = element("div", { class: "entity" }, toggle, this.#name(entity.name), rows);
    return { item: element("li", {}, head, inside), names, open };
  }

  #name(name) {
    const put = { title: "Put it into the question", onclick: () => this.onName(name) };
    return element("button", { type: "button", class: "name", ...put }, name);
  }

  #field(entity, field) {
    const about = [field.type];
    if (field.key) about.push("key");
    for (const link of this.run.links) {
      const at = link.source === entity.name ? link.source_fields.indexOf(field.name) : -1;
      if (at >= 0) about.push(`→ ${link.target}.${link.target_fields[at]}`);
    }
    return this.#told(field.name, about.join(" · "), field.samples.map(plain).filter(Boolean).join(", "));
  }

  #told(name, about, samples, kind = null) {
    const made = element("li", { class: kind }, this.#name(name), element("span", { class: "about" }, about));
    if (samples) made.append(element("span", { class: "samples", title: samples }, samples));
    return made;
  }

  // The relationships of a graph, from either end; a foreign key is told with its column.
  #links({ name }) {
    const named = this.run.links.filter((link) => link.name);
    const out = named.filter((link) => link.source === name).map((link) => ({ ...link, about: `to ${link.target}` }));
    const back = named.filter((link) => link.target === name && link.source !== name);
    return [...out, ...back.map((link) => ({ ...link, about: `from ${link.source}` }))];
  }

  #link(link) {
    const fields = link.fields.map((field) => `${field.name} ${field.type}`).join(", ");
    return this.#told(link.name, link.about, fields, "link");
  }
}
