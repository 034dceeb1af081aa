// Rows as CSV (RFC 4180) or TSV, to the clipboard or into a file.
import { element } from "./dom.js";
import { exact } from "./format.js";

// A spreadsheet would run a stored text that begins so as a formula. What can only be a number or a telephone's stays.
const FORMULA = /^(?:[=@\t\r]|[+-](?![\d\s().,/-]*$))/;

const safe = (value) => (typeof value === "string" && FORMULA.test(value) ? `'${value}` : exact(value));

// Null is nothing, an empty text is a pair of quotes.
function cell(value, quoteWhere) {
  if (value === null) return "";
  const text = safe(value);
  return text === "" || quoteWhere.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const lines = (columns, rows, separator, quoteWhere, end) =>
  [columns, ...rows].map((row) => row.map((value) => cell(value, quoteWhere)).join(separator) + end).join("");

export const csv = (columns, rows) => lines(columns, rows, ",", /[",\r\n]/, "\r\n");

export const tsv = (columns, rows) => lines(columns, rows, "\t", /["\t\r\n]/, "\n");

/** Whether it is now on the clipboard. Without HTTPS, browsers know only the old way. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { class: "away", readonly: true }, text);
    const before = document.activeElement;
    (before?.closest("dialog") ?? document.body).append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    before?.focus();
    return copied;
  }
}

/** With a byte order mark, by which Excel knows UTF-8. */
export function download(name, text) {
  const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
