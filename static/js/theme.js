// Runs before the page is drawn: the theme that was chosen, else the system's.
// A classic script, not a module, so that nothing flashes in the wrong colours.
(() => {
  const KEY = "haltline.theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: light)");

  const read = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is closed to us: the system's theme it is
    }
  };
  const shown = () => root.dataset.theme || (system.matches ? "light" : "dark");
  const chosen = read();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  const label = (button) => {
    const now = shown();
    button.textContent = now === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `${button.textContent} theme: change it`);
    button.hidden = false;
  };

  addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      label(button);
      system.addEventListener("change", () => label(button));
      button.addEventListener("click", () => {
        root.dataset.theme = shown() === "dark" ? "light" : "dark";
        try {
          localStorage.setItem(KEY, root.dataset.theme);
        } catch {
          // not kept, but shown
        }
        label(button);
      });
    }
  });
})();
