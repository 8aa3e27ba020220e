// Of the step "Results": what is chosen there is told to the server. A number of the confusion matrix, or of a training;
// photos on the map, by pointer or keys; and what shall be done about labels.
const newest = {};  // one object for all clicks, see CHOOSE_NUMBER of the first tab
const tell = data => trigger("click", Object.assign(newest, {choice: undefined, photos: undefined}, data));
const choices = () => [...element.querySelectorAll("select[data-index]")];
element.addEventListener("click", event => {
  const button = event.target.closest("button[data-choice], button[data-action]");
  if (!button) return;
  if (button.dataset.choice) return tell({choice: button.dataset.choice.split(",").map(Number)});
  const decisions = choices().map(s => [Number(s.dataset.index), s.value]);
  trigger("submit", {action: button.dataset.action, decisions});
});

// ---- Labels: how many are corrected, and one choice for all photos of a box ----
const counted = () => {
  const changed = choices().filter(s => s.selectedIndex > 0).length;
  const count = element.querySelector("output");
  if (!count) return;
  count.textContent = changed === 1 ? "1 correction" : `${changed} corrections`;
  for (const action of ["train", "download"])
    element.querySelector(`button[data-action=${action}]`).disabled = changed === 0;
};
element.addEventListener("change", event => {
  if (event.target.matches("select[data-all]")) {
    for (const select of choices()) {
      select.value = event.target.value;
      if (select.selectedIndex < 0) select.selectedIndex = 0; // it bears that label already
    }
  }
  counted();
});

// ---- The map ----
const NEAR_PX = 24, DRAWN_PX = 8, LATER_MS = 300;
const points = () => [...element.querySelectorAll("g[data-index]")];
const at = point => [Number(point.dataset.x), Number(point.dataset.y)];
const drawing = name => document.createElementNS("http://www.w3.org/2000/svg", name);
let current = null, from = null, box = null, asked = 0;

const onMap = (svg, event) => {
  const bounds = svg.getBoundingClientRect(), side = svg.viewBox.baseVal.width;
  return [event.clientX - bounds.left, event.clientY - bounds.top].map(n => n * side / bounds.width);
};
const say = words => { element.querySelector(".said").textContent = words; };
const mark = chosen => {
  const indices = new Set(chosen);
  for (const point of points()) {
    point.classList.toggle("chosen", indices.size > 1 && indices.has(point));
    point.classList.toggle("pale", indices.size > 1 && !indices.has(point));
  }
};
const ask = (chosen, later = 0) => {
  clearTimeout(asked);
  asked = setTimeout(() => tell({photos: chosen.map(point => Number(point.dataset.index))}), later);
};
const choose = (point, later = 0) => {
  const svg = point.closest("svg"), [x, y] = at(point);
  svg.querySelector(".box")?.remove();
  const here = svg.querySelector(".here") ?? svg.appendChild(drawing("circle"));
  for (const [name, value] of Object.entries({class: "here", cx: x, cy: y, r: 26})) here.setAttribute(name, value);
  current = point;
  mark([]);
  say(point.querySelector("title").textContent);
  ask([point], later);
};
const several = chosen => {
  if (!chosen.length) return say("No point is in the box.");
  if (chosen.length === 1) return choose(chosen[0]);
  mark(chosen);
  say(`${chosen.length} points`);
  ask(chosen);
};

element.addEventListener("pointerdown", event => {
  const svg = event.target.closest("svg.ground");
  if (!svg || event.button) return;
  from = onMap(svg, event);
  box = null;
});
const letGo = () => {
  from = box = null;
  element.querySelector(".box")?.remove();
};
element.addEventListener("pointermove", event => {
  const svg = event.target.closest("svg.ground");
  if (from && !event.buttons) letGo(); // somewhere else, before there was a box to hold the pointer
  if (!svg || !from || (event.pointerType === "touch" && !svg.classList.contains("boxing"))) return;
  const to = onMap(svg, event), scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  if (!box && Math.hypot(to[0] - from[0], to[1] - from[1]) * scale < DRAWN_PX) return;
  if (!box) svg.setPointerCapture(event.pointerId);
  svg.querySelector(".here")?.remove();
  const shape = svg.querySelector(".box") ?? svg.appendChild(drawing("rect"));
  box = [0, 1].flatMap(axis => [Math.min(from[axis], to[axis]), Math.max(from[axis], to[axis])]);
  const [left, right, top, bottom] = box;
  const sides = {class: "box", x: left, y: top, width: right - left, height: bottom - top};
  for (const [name, value] of Object.entries(sides)) shape.setAttribute(name, value);
});
element.addEventListener("pointerup", event => {
  const svg = event.target.closest("svg.ground");
  if (!svg || !from) return;
  const drawn = box, [x, y] = onMap(svg, event);
  from = box = null;
  if (drawn) {
    const [left, right, top, bottom] = drawn;
    const inside = ([x, y]) => left <= x && x <= right && top <= y && y <= bottom;
    return several(points().filter(point => inside(at(point))));
  }
  const away = point => Math.hypot(at(point)[0] - x, at(point)[1] - y);
  const nearest = points().reduce((a, b) => (away(b) < away(a) ? b : a));
  if (away(nearest) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width <= NEAR_PX) choose(nearest);
});
element.addEventListener("pointercancel", letGo);

const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
element.addEventListener("keydown", event => {
  const svg = event.target.closest("svg.ground"), way = WAYS[event.key];
  if (!svg || !way || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation(); // the tabs listen to arrows, too
  const side = svg.viewBox.baseVal.width, [x, y] = current?.isConnected ? at(current) : [side / 2, side / 2];
  const far = point => { // a step aside counts twice: what lies ahead comes first
    const [dx, dy] = [at(point)[0] - x, at(point)[1] - y];
    const ahead = dx * way[0] + dy * way[1], aside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
    return ahead > 0 ? ahead + 2 * aside : Infinity;
  };
  const next = points().filter(point => point !== current).reduce((a, b) => (far(b) < far(a) ? b : a));
  if (far(next) < Infinity) choose(next, LATER_MS);
});

// The list is made when it is opened, from what the points say.
element.addEventListener("toggle", event => {
  const list = event.target.querySelector?.(".photos");
  if (!list || list.children.length) return;
  const byClass = points().sort((a, b) => a.dataset.kind - b.dataset.kind || a.dataset.index - b.dataset.index);
  list.append(...byClass.map(point => {
    const words = point.querySelector("title").textContent;
    const line = document.createElement("li"), tick = document.createElement("input"), button = document.createElement("button");
    Object.assign(tick, {type: "checkbox", value: point.dataset.index});
    tick.setAttribute("aria-label", `Tick ${words}`);
    Object.assign(button, {type: "button", textContent: words});
    button.addEventListener("click", () => choose(point));
    line.append(tick, button);
    return line;
  }));
}, true);
element.addEventListener("click", event => {
  const boxes = event.target.closest("button.boxes");
  if (boxes) {
    const on = element.querySelector("svg.ground").classList.toggle("boxing");
    boxes.setAttribute("aria-pressed", on);
  }
  if (event.target.closest("button.ticked")) {
    for (const drawn of element.querySelectorAll(".box, .here")) drawn.remove();
    const ticked = new Set([...element.querySelectorAll(".photos input:checked")].map(tick => tick.value));
    const chosen = points().filter(point => ticked.has(point.dataset.index));
    chosen.length ? several(chosen) : say("Nothing is ticked.");
  }
});

watch("value", () => { // other photos: what was chosen for the last ones must not stay in their places
  for (const select of element.querySelectorAll("select")) select.selectedIndex = 0;
  current = null;
  counted();
});
