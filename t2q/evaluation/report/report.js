// The failures: filtered by what the form says, and the form by what the address says (#step=tuned&intent=join).
(() => {
  const PAGE = 40; // cards shown at once
  const LONGEST_COMPARED = 400; // tokens; the comparison takes their square
  const FILTERS = { step: "every step", intent: "every intent", kind: "every reason" };
  const data = JSON.parse(document.getElementById("data").textContent);
  const section = document.getElementById("failures");
  const form = section.querySelector("form");
  const list = section.querySelector(".cards");
  const more = section.querySelector(".more");

  const failures = data.failures.map((failure) => {
    const question = data.questions[failure.question];
    const [prediction, text, reason] = [failure.prediction, failure.text, failure.reason].map((i) => data.texts[i]);
    const searched = [question.id, question.question, question.gold, prediction, text, reason].join("\n").toLowerCase();
    const step = data.steps[failure.step];
    return { question, prediction, text, reason, searched, step: step.key, label: step.label, intent: question.intent, kind: failure.kind };
  });

  function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  // ── queries, highlighted, with what differs from the other one marked

  // Marks in both what is not in their longest common subsequence.
  function compare(mine, theirs) {
    const [a, b] = [mine, theirs].map((all) => all.filter((token) => !token.space));
    if (a.length > LONGEST_COMPARED || b.length > LONGEST_COMPARED) return;
    const width = b.length + 1;
    const longest = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        longest[i * width + j] =
          a[i].key === b[j].key
            ? longest[(i + 1) * width + j + 1] + 1
            : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i].key === b[j].key) [i, j] = [i + 1, j + 1];
      else if (j === b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) a[i++].differs = true;
      else b[j++].differs = true;
    }
  }

  function code(all) {
    const block = element("code");
    for (const token of all) {
      const part = token.style || token.differs ? element(token.differs ? "mark" : "span", token.style, token.text) : token.text;
      block.append(part);
    }
    return element("pre", "", block);
  }

  // ── cards

  const words = (name) => name.replaceAll("_", " ");

  function side(title, body) {
    return element("div", "side", element("h4", "", title), body);
  }

  function outcomes(question) {
    const chips = data.steps.map((step, i) => {
      const outcome = { "+": ["right", "✓"], "-": ["wrong", "✗"], " ": ["not asked", "·"] }[question.outcomes[i]];
      const chip = element("li", outcome[0].replace(" ", "-"), `${outcome[1]} ${step.label}`);
      chip.setAttribute("aria-label", `${step.label}: ${outcome[0]}`);
      return chip;
    });
    const made = element("ul", "outcomes", ...chips);
    made.setAttribute("aria-label", "The same question in every step");
    return made;
  }

  function card(failure) {
    const { question, prediction, text } = failure;
    const [wanted, got] = [question.gold, prediction].map((query) => tokens(query, data.language));
    if (question.gold && prediction) compare(wanted, got);
    const none = (why) => element("p", "none", why);
    const goldSide = question.gold ? code(wanted) : none("No query: the schema cannot answer this. Declining is right.");
    const gotSide = prediction ? code(got) : text ? element("pre", "", element("code", "", text)) : none("Nothing.");
    const head = element("div", "head", element("span", "tag step", failure.label), element("span", "tag", words(failure.intent)));
    head.append(element("span", "tag kind", failure.kind), element("span", "id", question.id));
    const made = element("li", "failure", head, element("h3", "", question.question));
    if (failure.reason) made.append(element("p", "reason", failure.reason));
    made.append(element("div", "sides", side("Gold", goldSide), side("Prediction", gotSide)));
    if (prediction && text.trim() !== prediction.trim())
      made.append(element("details", "", element("summary", "", "What the model wrote"), element("pre", "", element("code", "", text))));
    made.append(outcomes(question));
    return made;
  }

  // ── filters

  const CHOICES = {
    step: data.steps.map((step) => step.key),
    intent: [...new Set(data.questions.map((question) => question.intent))],
    kind: [...new Set(failures.map((failure) => failure.kind))],
  };
  const state = { step: "", intent: "", kind: "", q: "" };
  let shown = PAGE;

  function matching(but) {
    const searched = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.keys(FILTERS).filter((name) => name !== but && state[name]);
    return failures.filter((f) => wanted.every((name) => f[name] === state[name]) && searched.every((word) => f.searched.includes(word)));
  }

  // The choices of a filter, each with how many failures it would leave. Steps keep their order, all else goes by number.
  function fill(name) {
    const found = matching(name);
    const counts = new Map(CHOICES[name].map((value) => [value, 0]));
    for (const failure of found) counts.set(failure[name], counts.get(failure[name]) + 1);
    const choices = [...counts];
    if (name !== "step") choices.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const label = (value) => (name === "step" ? data.steps.find((step) => step.key === value).label : words(value));
    const options = choices.map(([value, n]) => new Option(`${label(value)} (${n})`, value));
    form.elements[name].replaceChildren(new Option(`${FILTERS[name]} (${found.length})`, ""), ...options);
    form.elements[name].value = state[name];
  }

  function show() {
    Object.keys(FILTERS).forEach(fill);
    if (form.elements.q.value !== state.q) form.elements.q.value = state.q;
    const found = matching();
    const count = found.length === 1 ? "1 failure" : `${found.length} failures`;
    section.querySelector(".count").textContent =
      found.length > shown ? `${count}, the first ${shown} shown` : failures.length ? count : "Nothing failed.";
    list.replaceChildren(...found.slice(0, shown).map(card));
    more.hidden = found.length <= shown;
  }

  function change(values) {
    Object.assign(state, values);
    shown = PAGE;
    const address = new URLSearchParams(Object.entries(state).filter(([, value]) => value)).toString();
    history.replaceState(null, "", `#${address || "step="}`);
    show();
  }

  // A filter that the address does not name, or names with a value that is not there, is off.
  function readAddress() {
    const address = location.hash.slice(1);
    if (!address.includes("=")) return false;
    const asked = new URLSearchParams(address);
    for (const name of Object.keys(FILTERS)) state[name] = CHOICES[name].includes(asked.get(name)) ? asked.get(name) : "";
    state.q = asked.get("q") || "";
    shown = PAGE;
    return true;
  }

  form.addEventListener("change", (event) => change({ [event.target.name]: event.target.value }));
  form.elements.q.addEventListener("input", () => change({ q: form.elements.q.value }));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    change({ step: "", intent: "", kind: "", q: "" });
  });
  more.addEventListener("click", () => {
    const next = shown;
    shown += PAGE;
    show();
    const card = list.children[next];
    card.tabIndex = -1;
    card.focus();
  });
  window.addEventListener("hashchange", () => {
    if (!readAddress()) return;
    show();
    section.scrollIntoView();
    section.focus({ preventScroll: true });
  });

  if (readAddress()) section.scrollIntoView({ behavior: "instant" });
  else state.step = (data.steps.find((step) => step.key === "tuned") || data.steps.at(-1) || { key: "" }).key;
  show();
})();
