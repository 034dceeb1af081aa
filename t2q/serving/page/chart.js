// Bars and lines, drawn as wide as their place is.
import { svg } from "./dom.js";
import { grouped } from "./format.js";
import { width } from "./measure.js";

const FONT = 13; // pixels, as in style.css
const BOLD = 600;
const BAR = { height: 20, step: 30 };
const LINE_HEIGHT = 330;
const LONGEST_LABEL = 0.36; // of the width
const LONGEST_VALUE = 0.18;
const COMPACT = { notation: "compact", maximumSignificantDigits: 4 };

const wide = (text, weight) => width(text, FONT, weight);

function shortened(text, most, weight) {
  const line = text.replace(/\s+/g, " ");
  if (wide(line, weight) <= most) return line;
  let [fits, all] = [0, line.length];
  while (fits < all) {
    const middle = Math.ceil((fits + all) / 2);
    if (wide(`${line.slice(0, middle)}…`, weight) <= most) fits = middle;
    else all = middle - 1;
  }
  return `${line.slice(0, fits).trimEnd()}…`;
}

/** Round numbers that hold all of the values, at most about `most` of them; whole ones where the values are whole. */
export function ticks(values, most) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const whole = values.every(Number.isInteger);
  const rough = Math.max((high - low || Math.abs(high) || 1) / most, whole ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [1, 2, 2.5, 5, 10].map((n) => n * power).filter((n) => !whole || Number.isInteger(n));
  const step = steps.find((n) => n >= rough * 0.999);
  const from = Math.floor(low / step + 1e-9);
  const to = Math.max(Math.ceil(high / step - 1e-9), from + 1);
  return Array.from({ length: to - from + 1 }, (_, i) => (from + i) * step);
}

function tickText(all) {
  const largest = Math.max(...all.map(Math.abs));
  const extreme = largest >= 1e5 || largest < 1e-3;
  const how = extreme ? COMPACT : { maximumSignificantDigits: 6 };
  return (value) => value.toLocaleString("en", how);
}

const scale = (from, to, low, high) => (value) => low + ((value - from) / (to - from)) * (high - low);

function text(x, y, anchor, content, className = null) {
  return svg("text", { x, y, "text-anchor": anchor, class: className }, content);
}

function told({ kind, x, y, points }) {
  const most = points.reduce((best, point) => (point.y > best.y ? point : best));
  const least = points.reduce((best, point) => (point.y < best.y ? point : best));
  const what = kind === "bars" ? "Bar chart" : "Line chart";
  const range = `from ${grouped(least.y)} (${least.label}) to ${grouped(most.y)} (${most.label})`;
  return `${what} of ${y} by ${x}: ${points.length} values, ${range}. The table has all of them.`;
}

/** Draws a shape of kind "bars" or "line" into the place. */
export function draw(place, shape) {
  const total = Math.max(240, place.clientWidth);
  const [height, parts] = (shape.kind === "bars" ? bars : line)(shape, total);
  const title = svg("title", { id: "chart-title" }, told(shape));
  const size = { width: total, height, viewBox: `0 0 ${total} ${height}` };
  const named = { class: "chart", role: "img", "aria-labelledby": "chart-title" };
  place.replaceChildren(svg("svg", { ...named, ...size }, title, ...parts));
}

function bars({ x, y, points }, total) {
  const name = shortened(x, total * LONGEST_LABEL, BOLD);
  const names = points.map(({ label }) => shortened(label, total * LONGEST_LABEL));
  const [values, room] = valueTexts(points, total * LONGEST_VALUE);
  const left = Math.max(wide(name, BOLD), ...names.map((text) => wide(text))) + 12;
  const all = ticks([0, ...points.map((point) => point.y)], Math.max(2, (total - left) / 90));
  const negative = all[0] < 0 ? room : 0;
  const at = scale(all[0], all.at(-1), left + negative, total - room);
  const top = FONT + 14;
  const bottom = top + points.length * BAR.step;
  const label = tickText(all);
  const parts = [text(left - 12, FONT, "end", name, "axis")];
  for (const tick of all) {
    parts.push(svg("line", { class: tick === 0 ? "zero" : "grid", x1: at(tick), x2: at(tick), y1: top, y2: bottom }));
    parts.push(text(at(tick), bottom + FONT + 6, "middle", label(tick)));
  }
  points.forEach((point, i) => {
    const middle = top + (i + 0.5) * BAR.step;
    const [from, to] = [at(0), at(point.y)].sort((a, b) => a - b);
    const size = { x: from, y: middle - BAR.height / 2, width: Math.max(to - from, 1), height: BAR.height, rx: 3 };
    const [end, anchor] = point.y < 0 ? [from - 6, "end"] : [to + 6, "start"];
    const row = svg("g", {}, svg("title", {}, `${point.label}: ${values[i]}`), svg("rect", { class: "bar", ...size }));
    row.append(text(left - 12, middle + 4.5, "end", names[i], "label"), text(end, middle + 4.5, anchor, values[i], "value"));
    parts.push(row);
  });
  const below = shortened(y, total - left - room, BOLD);
  parts.push(text((left + total - room) / 2, bottom + 2 * FONT + 14, "middle", below, "axis"));
  return [bottom + 2 * FONT + 20, parts];
}

// The numbers beside the bars and the room for them: whole where there is as much room, else shortened.
function valueTexts(points, most) {
  const widest = (texts) => Math.max(...texts.map((value) => wide(value, BOLD)));
  const whole = points.map((point) => grouped(point.y));
  const texts = widest(whole) <= most ? whole : points.map((point) => point.y.toLocaleString("en", COMPACT));
  return [texts, widest(texts) + 10];
}

function line({ x, y, dates, points }, total) {
  const ys = points.map((point) => point.y);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const all = ticks(low > 0 && low < high / 2 ? [0, ...ys] : ys, 5);
  const label = tickText(all);
  const left = Math.max(...all.map((tick) => wide(label(tick)))) + 12;
  const right = total - 12;
  const [top, bottom] = [FONT + 18, LINE_HEIGHT - 2 * FONT - 22];
  const up = scale(all[0], all.at(-1), bottom, top);
  const across = scale(points[0].x, points.at(-1).x, left + 8, right);
  const parts = [text(0, FONT, "start", shortened(y, total, BOLD), "axis")];
  parts.push(text((left + right) / 2, LINE_HEIGHT - 4, "middle", shortened(x, right - left, BOLD), "axis"));
  for (const tick of all) {
    parts.push(svg("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: right, y1: up(tick), y2: up(tick) }));
    parts.push(text(left - 8, up(tick) + 4.5, "end", label(tick)));
  }
  const marks = dates ? dated(points) : numbered(points, (right - left) / 90);
  parts.push(...marked(marks, across, bottom + FONT + 8, total));
  const path = points.map((point, i) => `${i ? "L" : "M"}${across(point.x).toFixed(1)} ${up(point.y).toFixed(1)}`).join("");
  parts.push(svg("path", { class: "line", d: path }));
  const few = points.length <= total / 14;
  points.forEach((point, i) => {
    const [before, after] = [i - 1, i + 1].map((j) => across(((points[j] ?? point).x + point.x) / 2));
    const size = { x: before, y: top, width: Math.max(after - before, 1), height: bottom - top };
    const reach = svg("rect", { class: "reach", ...size });
    const dot = svg("circle", { class: few ? "dot" : "dot rare", cx: across(point.x), cy: up(point.y), r: 4 });
    parts.push(svg("g", {}, svg("title", {}, `${point.label}: ${grouped(point.y)}`), reach, dot));
  });
  return [LINE_HEIGHT, parts];
}

// The points' own labels. Midnights go unsaid.
function dated(points) {
  const midnight = /[T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?$/;
  const whole = points.every(({ label }) => midnight.test(label));
  return points.map(({ x, label }) => ({ x, label: whole ? label.replace(midnight, "") : label.replace("T", " ") }));
}

function numbered(points, most) {
  const xs = points.map(({ x }) => x);
  const all = ticks(xs, most);
  const label = tickText(all);
  return all.filter((x) => x >= xs[0] && x <= xs.at(-1)).map((x) => ({ x, label: label(x) }));
}

// As many marks as there is room for.
function marked(marks, across, y, total) {
  const room = Math.max(...marks.map(({ label }) => wide(label))) + 24;
  const parts = [];
  let free = -Infinity;
  for (const { x, label } of marks) {
    if (across(x) < free) continue;
    free = across(x) + room;
    const half = wide(label) / 2;
    parts.push(text(Math.min(Math.max(across(x), half), total - half), y, "middle", label));
  }
  return parts;
}
