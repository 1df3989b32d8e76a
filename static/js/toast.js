// One line about one's own action, bottom left, for six seconds.

const SHOWN_MS = 6000;
const toast = document.getElementById("toast");
let timer = 0;

export function say(text, link = "") {
  toast.querySelector("p").textContent = text;
  const anchor = toast.querySelector("a");
  anchor.hidden = !link;
  if (link) anchor.href = link;
  toast.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    toast.hidden = true;
  }, SHOWN_MS);
}
