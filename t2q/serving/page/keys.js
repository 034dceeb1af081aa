// Shortcuts: one table, for what they do and for the help that lists them.
import { $, element } from "./dom.js";
import { read, write } from "./storage.js";

const SETTING = "t2q.singleKeys";
const FIELDS = "input, textarea, select, [contenteditable]";

/** `shortcuts`: {keys, does, run}; those with `run` are one key, and only heard outside of text fields. */
export function listen(shortcuts) {
  const help = $("#help");
  const rows = shortcuts.flatMap(({ keys, does }) => [
    element("dt", {}, ...keys.split("+").flatMap((key, i) => [i ? " + " : "", element("kbd", {}, key)])),
    element("dd", {}, does),
  ]);
  $("dl", help).replaceChildren(...rows);
  const setting = $("#single-keys");
  setting.checked = read(SETTING, true);
  setting.addEventListener("change", () => write(SETTING, setting.checked));

  document.addEventListener("keydown", (event) => {
    if (!setting.checked || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest(FIELDS) || $("dialog[open]")) return;
    const shortcut = shortcuts.find(({ keys, run }) => run && keys === event.key);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run();
  });
}
