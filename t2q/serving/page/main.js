// The page of `t2q serve`: what is asked goes to the server, what comes back goes to the parts that show it.
import { Answer, outcome } from "./answer.js";
import { ServerError, ask, getRun, onKeyWanted, runQuery } from "./api.js";
import { $, element, say } from "./dom.js";
import { examples } from "./examples.js";
import { Feedback } from "./feedback.js";
import { History } from "./history.js";
import { listen } from "./keys.js";
import { Question } from "./question.js";
import { SchemaPanel } from "./schema.js";
import { Side } from "./side.js";
import { Trouble } from "./trouble.js";

const trouble = new Trouble();
const side = new Side();
onKeyWanted(keyFromUser);
$("#key .cancel").addEventListener("click", () => $("#key").close());
start();

async function start() {
  let run;
  try {
    run = await getRun();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    return trouble.show(error, start);
  }
  open(run);
}

function keyFromUser(why) {
  const dialog = $("#key");
  const form = $("form", dialog);
  $("#why-key").textContent = why;
  dialog.returnValue = "";
  form.reset();
  dialog.showModal();
  return new Promise((resolve) => {
    const given = () => resolve(dialog.returnValue ? form.elements.key.value.trim() : null);
    dialog.addEventListener("close", given, { once: true });
  });
}

/** The name of a database's file, or the whole URL of a server's. */
const nameOf = (url) => (/:\/\/\/|^graph:/.test(url) ? url.split(/[/\\:]/).at(-1) : url);

function open(run) {
  document.title = `${run.name} · t2q`;
  $("#run").textContent = run.name;
  const where = element("code", { title: run.database }, nameOf(run.database));
  $("#lead").replaceChildren("Ask ", element("strong", {}, run.title), " at ", where);

  let working = null; // the AbortController of what is under way
  const answer = new Answer(run, rerun);
  const feedback = new Feedback(run.language, () => answer.editor.value);
  const question = new Question(examples(run), askFor, (text) => answer.isAsked(text));
  const history = new History($("#history"), run.name, askFor);
  new SchemaPanel($("#schema"), run, (name) => {
    side.close();
    question.insert(name);
  });

  function askFor(asked) {
    question.value = asked;
    side.close();
    answer.begin(asked);
    if (!question.hasFocus) answer.root.focus({ preventScroll: true }); // what was pressed may be gone now
    feedback.show(null);
    const task = (signal) => ask(asked, (text) => signal.aborted || answer.draft(text), signal);
    const done = (found) => {
      answer.show(found, false);
      feedback.show(found.id);
      history.add(asked, found.query, outcome(found));
    };
    work(task, done, () => askFor(asked));
  }

  function rerun(query) {
    if (!query.trim()) return;
    answer.rerun();
    const done = (found) => {
      answer.show(found, true);
      feedback.edited();
    };
    work((signal) => runQuery(query, signal), done, () => rerun(query));
  }

  // One thing at a time: what is new takes the place of what is under way.
  async function work(task, done, again) {
    working?.abort();
    const mine = new AbortController();
    busy(mine);
    trouble.hide();
    try {
      const found = await task(mine.signal);
      if (working === mine) done(found);
    } catch (error) {
      if (working !== mine) return;
      answer.stop(mine.signal.aborted ? "Stopped." : "No answer.");
      if (mine.signal.aborted) say("Stopped.");
      else if (error instanceof ServerError) trouble.show(error, again);
      else throw error;
    } finally {
      if (working === mine) busy(null);
    }
  }

  function busy(controller) {
    working = controller;
    $("#send").hidden = controller !== null;
    $("#stop").hidden = controller === null;
  }

  const stop = () => working?.abort();
  $("#stop").addEventListener("click", () => {
    stop();
    question.focus();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && !$("dialog[open]") && stop());

  const help = () => $("#help").showModal();
  $("#shortcuts").addEventListener("click", help);
  listen([
    { keys: "Enter", does: "Ask" },
    { keys: "Shift+Enter", does: "Begin another line of the question" },
    { keys: "Ctrl+Enter", does: "Run the query as it is edited" },
    { keys: "Escape", does: "Stop" },
    { keys: "/", does: "Go to the question", run: () => question.focus() },
    { keys: "e", does: "Edit the query", run: () => answer.editor.field.focus() },
    { keys: "s", does: "Search the schema", run: () => side.open("schema") },
    { keys: "h", does: "Search the history", run: () => side.open("history") },
    { keys: "y", does: "The answer is right", run: () => $("[data-rating=up]").click() },
    { keys: "n", does: "The answer is wrong", run: () => $("[data-rating=down]").click() },
    { keys: "d", does: "Dark or light", run: () => $("#theme").click() },
    { keys: "?", does: "This list", run: help },
  ]);
}
