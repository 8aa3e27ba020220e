// Before and after: dragging sideways moves the border between photo and heatmap. A swipe up or down scrolls the page,
// and a long press saves the picture under the finger. Arrow keys move the range input.
const compare = element.closest("#compare"), range = element.querySelector("input");
const SIDEWAYS_PX = 6;  // from there on it is a drag
let begun = null, dragging = false;

function move(x) {
  const {left, width} = compare.getBoundingClientRect();
  range.value = 100 * (x - left) / width;
  range.dispatchEvent(new Event("input"));
}

range.addEventListener("input", () => compare.style.setProperty("--split", `${range.value}%`));
compare.addEventListener("pointerdown", event => {
  if (event.button === 0) [begun, dragging] = [event, false];
});
compare.addEventListener("pointermove", event => {
  if (event.pointerId !== begun?.pointerId) return;
  if (!dragging && Math.abs(event.clientX - begun.clientX) < SIDEWAYS_PX) return;
  if (!dragging) compare.setPointerCapture(event.pointerId);
  dragging = true;
  move(event.clientX);
});
for (const kind of ["pointerup", "pointercancel"]) compare.addEventListener(kind, () => begun = null);
compare.addEventListener("dragstart", event => event.preventDefault());
