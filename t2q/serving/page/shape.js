// Which drawing a result has the shape of, if any.
import { isKeyName, isNumber, isNumeric, shown } from "./format.js";

const MOST_BARS = 30;
const FEWEST_POINTS = 3;
const LARGEST = 1e300; // beyond it, what lies between two numbers may be none
const DATE = /^\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/;
const YEAR = /^(1[5-9]|2[01])\d\d$/;

/** Milliseconds of an ISO date or time, or of a year; NaN for any other value. */
function time(value) {
  if (YEAR.test(value)) return Date.UTC(Number(value));
  return typeof value === "string" && DATE.test(value) ? Date.parse(value.replace(" ", "T")) : NaN;
}

const rising = (numbers) => numbers.every((n, i) => i === 0 || n > numbers[i - 1]);

/**
 * null, or {kind: "figure", name, value}, or {kind: "bars" or "line", x, y, points}, where x and y are the columns'
 * names and points [{label, x, y}]: x is a number on a line and the place on the list of bars; `dates` tells which.
 */
export function shapeOf(columns, rows) {
  if (rows.length === 1 && columns.length === 1)
    return isNumber(rows[0][0]) ? { kind: "figure", name: columns[0], value: rows[0][0] } : null;
  if (columns.length !== 2 || rows.length < 2) return null;
  // The number is the second column, or the first one before a text.
  const y = isNumeric(rows, 1) ? 1 : isNumeric(rows, 0) ? 0 : -1;
  if (y < 0 || isKeyName(columns[y])) return null;
  const x = 1 - y;
  const points = rows
    .filter((row) => row[y] !== null)
    .map((row) => ({ value: row[x], label: shown(row[x]), y: Number(row[y]) }));
  if (points.length < 2 || new Set(points.map((point) => point.label)).size < points.length) return null;
  if (points.some((point) => Math.abs(point.y) > LARGEST)) return null;
  const named = { x: columns[x], y: columns[y] };
  return line(points, named) ?? bars(points, named);
}

function line(points, named) {
  if (points.length < FEWEST_POINTS || points.some(({ value }) => value === null)) return null;
  const dates = points.every(({ value }) => !Number.isNaN(time(value)));
  const placed = points.map((point) => ({ ...point, x: dates ? time(point.value) : Number(point.value) }));
  if (dates) placed.sort((a, b) => a.x - b.x);
  else if (!points.every(({ value }) => isNumber(value)) || isKeyName(named.x)) return null;
  const xs = placed.map(({ x }) => x);
  if (!rising(xs)) {
    if (!rising(xs.toReversed())) return null;
    placed.reverse();
  }
  return { kind: "line", ...named, dates, points: placed };
}

function bars(points, named) {
  if (points.length > MOST_BARS) return null;
  if (points.length >= FEWEST_POINTS && points.some(({ value }) => isNumber(value))) return null;
  return { kind: "bars", ...named, points: points.map((point, x) => ({ ...point, x })) };
}
