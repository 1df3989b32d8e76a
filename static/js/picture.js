// Drawing no more often than the screen does.

// Draws once for all that came since the last picture; at once where none is made, in a hidden tab.
export function oncePerPicture(draw) {
  let due = false;
  return () => {
    if (document.hidden) {
      draw();
      return;
    }
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  };
}
