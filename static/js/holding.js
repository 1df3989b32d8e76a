// Holding a button to confirm: 0.8 s by mouse, touch, Enter or Space; or Space and then a focused
// Confirm. Released early it empties and says so. Nothing here disables it.

export const HOLD_MS = 800;
const STEPS = 8;
const stepped = matchMedia("(prefers-reduced-motion: reduce)");
const STOPPED_EARLY = "Not sent: released early.";

// `send` is called once for each completed hold; `say` gets what happened; `confirm` (optional) is
// called where a press cannot be held: it should offer a second button.
export function holdable(button, { send, say, confirm }) {
  const fill = button.querySelector(".hold-fill");
  let begunAt = 0;
  let frame = 0;
  let timer = 0;
  let byKey = false;

  const draw = () => {
    if (!begunAt) return;
    const part = Math.min((performance.now() - begunAt) / HOLD_MS, 1);
    const shown = stepped.matches ? Math.floor(part * STEPS) / STEPS : part;
    if (fill) fill.style.transform = `scaleX(${shown})`;
    frame = requestAnimationFrame(draw);
  };

  const rest = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    begunAt = 0;
    button.dataset.hold = "rest";
    if (fill) fill.style.transform = "";
  };

  const begin = (keyed) => {
    if (begunAt) return;
    byKey = keyed;
    begunAt = performance.now();
    button.dataset.hold = "filling";
    draw();
    timer = setTimeout(() => {
      rest();
      button.dataset.hold = "sent";
      send();
    }, HOLD_MS);
  };

  const release = () => {
    if (!begunAt) return false;
    rest();
    say(STOPPED_EARLY);
    return true;
  };

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture?.(event.pointerId);
    begin(false);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(name, () => !byKey && release());
  }
  button.addEventListener("pointermove", (event) => {
    if (!begunAt || byKey) return;
    const box = button.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right
      && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) release();
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault(); // no click of its own: holding is the click
    if (!event.repeat) begin(true);
  });
  button.addEventListener("keyup", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (release() && event.key === " ") confirm?.();
  });
  button.addEventListener("blur", () => release());
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  // A click without a pointer or key that we saw: an assistive technology's. It cannot be held.
  button.addEventListener("click", (event) => {
    event.preventDefault();
    if (event.detail === 0 && !begunAt && button.dataset.hold !== "sent") confirm?.();
  });

  return { rest, begin: () => begin(true), release };
}
