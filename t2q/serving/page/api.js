// The server, as the page asks it. Whatever goes wrong is a ServerError with a line for people.

import { sentence } from "./format.js";

export class ServerError extends Error {
  /** `wait`: seconds until it is worth trying again, null where nothing said so. */
  constructor(message, wait = null) {
    super(message);
    this.wait = wait;
  }
}

const KEY = "t2q.key";
const GONE = "The server cannot be reached. Is “t2q serve” still running, and are you still connected?";
const BROKEN_OFF = "The server broke off its answer half-way.";

let askKey = async () => null;
let asked = null; // one answer for all requests that want a key

/** `ask(why)` is called where the server wants a key; it promises the key, or null where there is none. */
export function onKeyWanted(ask) {
  askKey = ask;
}

function key(...value) {
  try {
    if (value.length) sessionStorage.setItem(KEY, value[0]);
    return sessionStorage.getItem(KEY);
  } catch {
    return value[0] ?? null;
  }
}

// Integers beyond 2^53 stay exact where the browser tells how a number was written.
function exact(_, value, context) {
  const rounded = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return rounded && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
}

function parsed(text) {
  try {
    return JSON.parse(text, exact);
  } catch {
    throw new ServerError("What came back is not an answer of “t2q serve”. Is something between you and the server?");
  }
}

async function failure(response) {
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const text = await response.text().catch(() => "");
  let message = `The server answered ${response.status} ${response.statusText}.`;
  try {
    message = sentence(JSON.parse(text).error.message);
  } catch {
    // not our server's form, such as a proxy's page
  }
  return new ServerError(message, Number.isNaN(seconds) ? null : seconds);
}

async function call(path, body, accept, signal) {
  let given = key();
  for (;;) {
    const headers = { Accept: accept };
    if (body) headers["Content-Type"] = "application/json";
    if (given) headers.Authorization = `Bearer ${given}`;
    const request = { method: body ? "POST" : "GET", headers, signal, body: body && JSON.stringify(body) };
    const response = await fetch(path, request).catch((error) => {
      throw signal?.aborted ? error : new ServerError(GONE);
    });
    if (response.ok) return response;
    const error = await failure(response);
    if (response.status !== 401) throw error;
    asked ??= askKey(error.message).finally(() => (asked = null));
    const other = await asked;
    if (!other) throw error;
    given = key(other) ?? other;
  }
}

const JSON_TYPE = "application/json";

async function json(path, body, signal) {
  const response = await call(path, body, JSON_TYPE, signal);
  return parsed(await response.text());
}

export const getRun = () => json("run");

export const runQuery = (query, signal) => json("query", { query }, signal);

export const sendFeedback = async (feedback) => void (await call("feedback", feedback, JSON_TYPE));

/** The answer to a question. `onDraft` is told all that the model has written so far, each time it has written more. */
export async function ask(question, onDraft, signal) {
  const response = await call("ask", { question }, "text/event-stream", signal);
  for await (const [name, data] of events(response.body, signal)) {
    if (name === "draft") onDraft(data.text);
    else if (name === "answer") return data;
    else if (name === "error") throw new ServerError(sentence(data.error.message));
  }
  throw new ServerError(BROKEN_OFF);
}

// Server-sent events: blocks of "field: value" lines, a blank line after each.
async function* events(stream, signal) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw signal?.aborted ? error : new ServerError(BROKEN_OFF);
    });
    if (done) return;
    const blocks = (rest + value).split(/\r\n\r\n|\n\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split(/\r?\n/);
      const all = (field) => lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1).trimStart());
      const data = all("data").join("\n");
      if (data) yield [all("event").join() || "message", parsed(data)];
    }
  }
}
