// Values as text: as a cell shows them, and as people read numbers.

export const isNumber = (value) => typeof value === "number" || typeof value === "bigint";

/** Whether a column holds numbers, and nothing else but null. */
export function isNumeric(rows, column) {
  return rows.some((row) => row[column] !== null) && rows.every((row) => row[column] === null || isNumber(row[column]));
}

/** Whether a column is called as keys are: its numbers say nothing. */
export const isKeyName = (name) => /(^|[_.\s])[iI][dD]$|[a-z]I[dD]$/.test(name);

/** A value that is not null, in one text. */
export function exact(value) {
  if (typeof value === "object") return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part));
  return String(value);
}

/** The same to be looked at: 3.4599999999999937, which is how a computer takes 100 from 103.46, is 3.46. */
export function plain(value) {
  if (typeof value !== "number") return exact(value);
  const [whole, short] = [String(value), String(Number(value.toPrecision(12)))];
  return short.length + 4 < whole.length ? short : whole;
}

/** Any value to be looked at. */
export const shown = (value) => (value === null ? "null" : value === "" ? "empty text" : plain(value));

export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** "1,234.5"; small numbers keep three digits. */
export function grouped(number) {
  const small = number > -1 && number < 1 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 2 };
  return number.toLocaleString("en", small);
}

/** "0.4 s", "12 ms". */
export function duration(seconds) {
  return seconds < 0.1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

/** With a capital and a full stop. */
export function sentence(text) {
  const trimmed = String(text).trim();
  const first = /^\p{Ll}[\p{Ll}'’,]*(\s|$)/u.test(trimmed) ? trimmed[0].toUpperCase() : trimmed[0] ?? "";
  return first + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
}
