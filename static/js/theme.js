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

  const DENSITY = "haltline.density";
  const keep = (key, value) => {
    try {
      localStorage.setItem(key, value);
    } catch {
      // not kept, but shown
    }
  };
  try {
    root.dataset.density = localStorage.getItem(DENSITY) === "comfortable" ? "comfortable" : "dense";
  } catch {
    root.dataset.density = "dense";
  }

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
        keep(KEY, root.dataset.theme);
        label(button);
      });
    }
    for (const button of document.querySelectorAll("[data-density-toggle]")) {
      const name = () => {
        button.textContent = root.dataset.density === "dense" ? "Dense" : "Comfortable";
        button.setAttribute("aria-label", `${button.textContent} rows: change it`);
        button.hidden = false;
      };
      name();
      button.addEventListener("click", () => {
        root.dataset.density = root.dataset.density === "dense" ? "comfortable" : "dense";
        keep(DENSITY, root.dataset.density);
        name();
      });
    }
  });
})();
