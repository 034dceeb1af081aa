// Questions that fit the schema, for those who do not know yet what can be asked.
import { isKeyName, plain } from "./format.js";

const CALLED = /^(name|title|label|number|code)$/i;
const NUMBERS = new Set(["float", "integer"]);
const SAME = new Set(["series", "species", "staff", "equipment", "data", "media", "people", "children"]);

/** `unit_price`, `unitPrice` and `UnitPrice`: "unit price". */
function words(name) {
  return name.replace(/[_\-.\s]+/g, " ").replace(/(?<=[\p{Ll}\d])(?=\p{Lu})/gu, " ").trim().toLowerCase();
}

/** The plural of English nouns, near enough; what ends in s is taken for one. */
function plural(name) {
  const noun = words(name);
  if (/[^su]s$/.test(noun) || SAME.has(noun.split(" ").at(-1))) return noun;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return noun + (/(s|x|z|ch|sh)$/.test(noun) ? "es" : "s");
}

// What an entity has: `kind` is a column of few values, by which things can be counted at a glance.
function found(entity, links) {
  const joins = new Set(links.filter((link) => link.source === entity.name).flatMap((link) => link.source_fields));
  const { fields } = entity;
  const short = (field) => field.samples.length > 1 && field.samples.every((sample) => /^\p{L}+$/u.test(plain(sample)));
  const called = fields.some((field) => CALLED.test(field.name));
  return {
    ...entity,
    all: plural(entity.name),
    called,
    joining: joins.size > 1 && !called,
    kind: fields.find((field) => field.type === "text" && !CALLED.test(field.name) && short(field)),
    number: fields.find(({ name, type, key }) => NUMBERS.has(type) && !key && !joins.has(name) && !isKeyName(name)),
  };
}

const KINDS = [
  ({ all, kind }) => kind && `How many ${all} are there for each ${words(kind.name)}?`,
  ({ all, called, number }) => called && number && `Which 3 ${all} have the highest ${words(number.name)}?`,
  ({ all, number }) => number && `What is the average ${words(number.name)} of the ${all}?`,
  ({ all, kind }) => kind && `How many ${all} have the ${words(kind.name)} ${plain(kind.samples[0])}?`,
  ({ all }) => `How many ${all} are there?`,
];

/** One of each kind, about as many different things as there are; what only joins others is none to ask about. */
export function examples({ entities, links }) {
  const things = entities.map((entity) => found(entity, links)).filter(({ fields, joining }) => fields.length && !joining);
  const questions = [];
  for (const ask of KINDS) {
    things.sort((a, b) => (a.asked ?? 0) - (b.asked ?? 0) || b.fields.length - a.fields.length);
    const thing = things.find(ask);
    if (!thing) continue;
    questions.push(ask(thing));
    thing.asked = (thing.asked ?? 0) + 1;
  }
  return questions;
}
