// A button that copies the lines of a list.

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue; // an address without https: it is copied by hand
  button.hidden = false;
  button.addEventListener("click", async () => {
    const lines = [...document.querySelectorAll(`#${button.dataset.copy} li`)];
    const said = document.querySelector("[data-copied]");
    try {
      await navigator.clipboard.writeText(lines.map((one) => one.textContent).join("\n"));
      said.textContent = "Copied. Clear the clipboard when you have kept them.";
    } catch {
      said.textContent = "The browser does not let this page copy: do it by hand.";
    }
  });
}
