"use strict";
// Light or dark as the system says, or as the button said last. A plain script, so that it runs before the page shows.
(() => {
  const KEY = "t2q.theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is switched off
    }
  }

  function store(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // it holds until the page is left
    }
  }

  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => document.getElementById("theme")?.setAttribute("aria-pressed", String(dark()));

  const before = stored();
  if (before === "light" || before === "dark") root.dataset.theme = before;
  system.addEventListener("change", tell);
  document.addEventListener("DOMContentLoaded", () => {
    tell();
    document.getElementById("theme").addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      store(root.dataset.theme);
      tell();
    });
  });
})();
