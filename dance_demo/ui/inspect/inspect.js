// The tab "Check this photo": draws each view of the photo from its pixels, here in the browser, and the lines that
// somebody draws on it. Nothing leaves the page. `element` holds what the template's `viewer` gives.
const SIDE_PX = 4096;  // a larger photo is shrunk to it
const HAND_PX = 3;  // how far a hand misses the place that it means, on the screen
const TRIES = 300;  // of lines drawn a little differently, for the uncertainty of their meeting point
const FINE_ZOOM = 300;
const COLOURS = ["#e6261f", "#1f6fe6", "#0a8f3c", "#b3169b", "#d98000", "#00848c"];
const SVG = "http://www.w3.org/2000/svg";

const part = name => element.querySelector(`[data-part="${name}"]`);
const control = name => element.querySelector(`[data-do="${name}"]`);
const viewer = element.querySelector(".viewer"), panes = element.querySelector(".panes");
const photo = part("photo"), picture = part("view"), overlay = part("lines");
const found = document.querySelector("#check-found");
let boxes = [], lines = [], drawing = "", started = null, run = 0, looked = new Set();
const scratch = document.createElement("canvas");

const clamp = value => value < 0 ? 0 : value > 255 ? 255 : value;
const chosen = () => element.querySelector("input[name=check-view]:checked").value;
const sliders = view => Object.fromEntries([...element.querySelectorAll(`.sliders[data-view="${view}"] input`)]
  .map(input => [input.dataset.name, Number(input.value)]));

// ---- Views: (pixels in, pixels out, width, height, sliders). Four bytes a pixel; the last is left as it is. ----

function pointwise(change) {
  return (from, to) => {
    for (let i = 0; i < from.length; i += 4) change(from, to, i);
  };
}

function byTable(value) {
  const table = Uint8ClampedArray.from({length: 256}, (_, one) => value(one));
  return pointwise((from, to, i) => {
    for (let c = 0; c < 3; c += 1) to[i + c] = table[from[i + c]];
  });
}

const grey = (pixels, i) => 0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2];

function sharpen(from, to, width, height, {amount}) {
  const row = 4 * width;
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
    const i = y * row + 4 * x;
    const up = y ? i - row : i, down = y < height - 1 ? i + row : i, left = x ? i - 4 : i, right = x < width - 1 ? i + 4 : i;
    for (let c = 0; c < 3; c += 1) {
      const smooth = (from[up + c] + from[down + c] + from[left + c] + from[right + c]) / 4;
      to[i + c] = clamp(from[i + c] + amount * (from[i + c] - smooth));
    }
  }
}

// The middle one of nine, by sorting no more than is needed.
function median(window) {
  for (let i = 1; i < 9; i += 1) {
    const value = window[i];
    let at = i - 1;
    for (; at >= 0 && window[at] > value; at -= 1) window[at + 1] = window[at];
    window[at + 1] = value;
  }
  return window[4];
}

function noise(from, to, width, height, {gain}) {
  const row = 4 * width, window = new Uint8Array(9);
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
    const i = y * row + 4 * x;
    for (let c = 0; c < 3; c += 1) {
      let n = 0;
      for (let dy = -1; dy <= 1; dy += 1) for (let dx = -1; dx <= 1; dx += 1) {
        const yy = Math.min(height - 1, Math.max(0, y + dy)), xx = Math.min(width - 1, Math.max(0, x + dx));
        window[n] = from[yy * row + 4 * xx + c];
        n += 1;
      }
      const value = from[i + c];
      to[i + c] = clamp(128 + gain * (value - median(window)));
    }
  }
}

function gradient(from, to, width, height, {gain}) {
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
    const i = 4 * (y * width + x);
    const left = x ? i - 4 : i, right = x < width - 1 ? i + 4 : i;
    const up = y ? i - 4 * width : i, down = y < height - 1 ? i + 4 * width : i;
    const dx = grey(from, right) - grey(from, left), dy = grey(from, down) - grey(from, up);
    const strength = Math.min(1, Math.hypot(dx, dy) * gain / 255), angle = Math.atan2(dy, dx);
    to[i] = 255 * strength * (0.5 + 0.5 * Math.cos(angle));
    to[i + 1] = 255 * strength * (0.5 + 0.5 * Math.cos(angle - 2.0944));
    to[i + 2] = 255 * strength * (0.5 + 0.5 * Math.cos(angle + 2.0944));
  }
}

// The pixels after one more saving as JPEG.
async function savedAgain(quality) {
  const blob = await new Promise(done => photo.toBlob(done, "image/jpeg", quality / 100));
  const bitmap = await createImageBitmap(blob);
  [scratch.width, scratch.height] = [photo.width, photo.height];
  const context = scratch.getContext("2d", {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, photo.width, photo.height).data;
}

async function errorLevels(from, to, width, height, {quality, gain}) {
  const again = await savedAgain(quality);
  for (let i = 0; i < from.length; i += 4)
    for (let c = 0; c < 3; c += 1) to[i + c] = clamp(gain * Math.abs(from[i + c] - again[i + c]));
}

// Squared differences, summed up in windows of 8 x 8 by running sums, dark where they are least.
async function ghosts(from, to, width, height, {quality}) {
  const again = await savedAgain(quality), sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    let row = 0;
    for (let x = 0; x < width; x += 1) {
      const i = 4 * (y * width + x);
      for (let c = 0; c < 3; c += 1) row += (from[i + c] - again[i + c]) ** 2;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  const means = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
    const [x0, x1, y0, y1] = [Math.max(0, x - 4), Math.min(width, x + 4), Math.max(0, y - 4), Math.min(height, y + 4)];
    const at = (yy, xx) => sums[yy * (width + 1) + xx];
    means[y * width + x] = (at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0)) / ((x1 - x0) * (y1 - y0));
  }
  const some = means.filter((_, n) => n % 97 === 0).sort();
  const low = some[Math.floor(0.01 * some.length)] ?? 0, high = some[Math.floor(0.99 * (some.length - 1))] ?? 1;
  means.forEach((mean, n) => to.fill(clamp(255 * (mean - low) / Math.max(high - low, 1e-6)), 4 * n, 4 * n + 3));
}

const VIEWS = {
  photo: (from, to) => to.set(from),
  levels: (from, to, w, h, {black, white}) => byTable(one => 255 * (one - black) / Math.max(1, white - black))(from, to),
  contrast: (from, to, w, h, {amount, middle}) => byTable(one => 128 + amount * (one - middle))(from, to),
  invert: (from, to) => byTable(one => 255 - one)(from, to),
  channel: (from, to, w, h, {channel}) => pointwise((f, t, i) => t.fill(f[i + channel], i, i + 3))(from, to),
  saturation: (from, to, w, h, {amount}) => pointwise((f, t, i) => {
    const middle = grey(f, i);
    for (let c = 0; c < 3; c += 1) t[i + c] = clamp(middle + amount * (f[i + c] - middle));
  })(from, to),
  sharpen, noise, gradient, ghosts,
  "levels-of-error": errorLevels,
};

async function draw() {
  if (!photo.width || viewer.dataset.state === "empty") return;
  const mine = run += 1, view = chosen(), {width, height} = photo;
  const from = photo.getContext("2d").getImageData(0, 0, width, height), to = new ImageData(width, height);
  to.data.set(from.data);
  viewer.setAttribute("aria-busy", "true");
  await VIEWS[view](from.data, to.data, width, height, sliders(view));
  if (mine !== run) return;  // another view was asked for meanwhile
  [picture.width, picture.height] = [width, height];
  picture.getContext("2d").putImageData(to, 0, 0);
  viewer.removeAttribute("aria-busy");
  picture.dataset.drawn = view;
  const name = element.querySelector(`input[value="${view}"] + span`).textContent;
  part("caption").textContent = name;
  if (view !== "photo") looked.add(name);
  part("looked").textContent = `Looked at on ${new Date().toISOString().slice(0, 10)}: the file, copied pieces` +
    [...looked].map(one => `, ${one.toLowerCase()}`).join("") + (lines.length ? `, ${lines.length} lines drawn` : "") + ".";
}

let asked = 0;
function redraw() {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(draw);
}

function showSliders() {
  for (const group of element.querySelectorAll(".sliders")) {
    group.hidden = group.dataset.view !== chosen();
    for (const label of group.querySelectorAll("label")) label.querySelector("output").textContent = label.querySelector("input").value;
  }
}

// ---- Size and arrangement ----

function zoom(percent) {
  const shown = Math.round(percent);
  control("zoom").value = shown;
  part("zoom").textContent = `${shown} %`;
  part("zoom-warning").hidden = shown <= FINE_ZOOM;
  for (const paper of element.querySelectorAll(".paper")) paper.style.width = `${photo.width * shown / 100}px`;
}

function fit() {
  const room = element.querySelector(".pane").clientWidth || 320;
  zoom(Math.max(5, Math.min(100, Math.floor(100 * room / photo.width))));
}

function arrange(over) {
  panes.dataset.arrange = over ? "over" : "side";
  control("arrange").setAttribute("aria-pressed", over);
  element.querySelector(".split").hidden = !over;
  split();
  fit();
}

const split = () => panes.style.setProperty("--split", `${control("split").value}%`);

const [left, right] = element.querySelectorAll(".pane");
for (const [one, other] of [[left, right], [right, left]]) one.addEventListener("scroll", () => {
  if (Math.abs(other.scrollLeft - one.scrollLeft) > 1) other.scrollLeft = one.scrollLeft;
  if (Math.abs(other.scrollTop - one.scrollTop) > 1) other.scrollTop = one.scrollTop;
});

// ---- Lines, outlines, and where lines meet ----

const shape = (name, values, parent = overlay) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  parent.append(made);
  return made;
};

// The point nearest to all lines, by least squares: each line is n . p = c with n of length 1.
function nearest(some) {
  let [xx, xy, yy, x, y] = [0, 0, 0, 0, 0];
  for (const [[ax, ay], [bx, by]] of some) {
    const length = Math.hypot(bx - ax, by - ay) || 1, nx = (ay - by) / length, ny = (bx - ax) / length;
    const c = nx * ax + ny * ay;
    xx += nx * nx; xy += nx * ny; yy += ny * ny; x += nx * c; y += ny * c;
  }
  const determinant = xx * yy - xy * xy;
  return Math.abs(determinant) < 1e-9 ? null : [(yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant];
}

function random(seed) {  // the same on every machine (mulberry32)
  return () => {
    seed = seed + 0x6D2B79F5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

// Where the lines meet, and how far that point moves if every end was drawn a little elsewhere: nine times in ten less.
function meeting(some, error) {
  const point = nearest(some), next = random(1);
  if (!point) return null;
  const jitter = () => error * (next() + next() + next() - 1.5) * 2;  // about normal, with a spread of `error`
  const off = [];
  for (let n = 0; n < TRIES; n += 1) {
    const moved = nearest(some.map(ends => ends.map(([x, y]) => [x + jitter(), y + jitter()])));
    off.push(moved ? Math.hypot(moved[0] - point[0], moved[1] - point[1]) : Infinity);
  }
  return {point, within: off.sort((a, b) => a - b)[Math.floor(0.9 * TRIES)]};
}

const distance = ([px, py], [[ax, ay], [bx, by]]) =>
  Math.abs((bx - ax) * (ay - py) - (ax - px) * (by - ay)) / (Math.hypot(bx - ax, by - ay) || 1);

const scale = () => photo.width / (overlay.getBoundingClientRect().width || photo.width);  // photo pixels of one on the screen
const KINDS = {shadow: ["Shadow lines", "the light, or the point below it"], vanishing: ["Vanishing lines", "a vanishing point"]};

function said(kind) {
  const numbered = lines.map((line, n) => ({...line, n: n + 1})).filter(line => line.kind === kind);
  const [name, what] = KINDS[kind];
  if (numbered.length < 2) return numbered.length ? `${name}: one more is needed.` : "";
  const some = numbered.map(line => line.ends), error = HAND_PX * scale(), met = meeting(some, error);
  const side = Math.max(photo.width, photo.height);
  if (!met || met.within > 2 * side) return `${name}: they are as good as parallel; no point can be told.`;
  let words = `${name} meet at x ${Math.round(met.point[0])}, y ${Math.round(met.point[1])}, give or take ` +
    `${Math.round(met.within)} pixels: ${what}.`;
  if (numbered.length < 3) return `${words} Two lines always meet: draw a third one.`;
  const odd = numbered.filter((line, at) => {
    const others = meeting(some.filter((_, other) => other !== at), error);
    if (!others) return false;
    const reach = Math.hypot(others.point[0] - line.ends[0][0], others.point[1] - line.ends[0][1]);
    const length = Math.hypot(line.ends[1][0] - line.ends[0][0], line.ends[1][1] - line.ends[0][1]) || 1;
    return distance(others.point, line.ends) > others.within + 3 * error * (1 + reach / length);
  });
  words += odd.length ? ` Line ${odd.map(line => line.n).join(", ")} does not fit the others: look at it again before you wonder.` :
    " All lines fit, as far as a hand can draw.";
  return words;
}

function drawOverlay() {
  overlay.replaceChildren();
  overlay.setAttribute("viewBox", `0 0 ${photo.width} ${photo.height}`);
  boxes.forEach((pair, n) => [pair.source, pair.target].forEach(([x0, y0, x1, y1]) => {
    const colour = COLOURS[n % COLOURS.length], size = photo.width / 40;
    shape("rect", {x: x0, y: y0, width: x1 - x0, height: y1 - y0, fill: "none", stroke: colour, "vector-effect": "non-scaling-stroke", "stroke-width": 3});
    shape("text", {x: x0 + size / 4, y: y0 + size, fill: colour, "font-size": size, "font-weight": 700, stroke: "#fff", "paint-order": "stroke", "stroke-width": size / 8}).textContent = n + 1;
  }));
  lines.forEach((line, n) => {
    const [[ax, ay], [bx, by]] = line.ends, colour = line.kind === "shadow" ? "#ffd400" : "#00d5ff";
    const far = 4 * Math.max(photo.width, photo.height) / (Math.hypot(bx - ax, by - ay) || 1);
    shape("line", {x1: ax - far * (bx - ax), y1: ay - far * (by - ay), x2: bx + far * (bx - ax), y2: by + far * (by - ay), stroke: colour, "stroke-width": 1, "stroke-dasharray": "4 4", "vector-effect": "non-scaling-stroke"});
    shape("line", {x1: ax, y1: ay, x2: bx, y2: by, stroke: colour, "stroke-width": 3, "vector-effect": "non-scaling-stroke"});
    line.ends.forEach(([x, y], end) => shape("circle", {
      cx: x, cy: y, r: 7 * scale(), fill: colour, stroke: "#000", "vector-effect": "non-scaling-stroke", tabindex: 0, role: "button",
      "aria-label": `Line ${n + 1}, end ${end + 1}: move it with the arrow keys`, "data-line": n, "data-end": end,
    }));
  });
  for (const kind of Object.keys(KINDS)) {
    const some = lines.filter(line => line.kind === kind).map(line => line.ends);
    const met = some.length > 1 && meeting(some, HAND_PX * scale());
    if (met && met.within < 2 * Math.max(photo.width, photo.height)) {
      shape("circle", {cx: met.point[0], cy: met.point[1], r: Math.max(met.within, 2), fill: "none", stroke: "#ff3bd0", "stroke-width": 2, "vector-effect": "non-scaling-stroke"});
    }
  }
  part("meeting").textContent = Object.keys(KINDS).map(said).filter(Boolean).join(" ");
  control("undo").disabled = !lines.length;
}

function place(event) {
  const area = overlay.getBoundingClientRect();
  return [(event.clientX - area.left) * photo.width / area.width, (event.clientY - area.top) * photo.height / area.height];
}

function pick(kind) {
  drawing = drawing === kind ? "" : kind;
  for (const one of Object.keys(KINDS)) control(one).setAttribute("aria-pressed", drawing === one);
  overlay.classList.toggle("drawing", Boolean(drawing));
}

overlay.addEventListener("pointerdown", event => {
  const handle = event.target.closest("circle[data-line]");
  if (!handle && !drawing) return;
  event.preventDefault();
  overlay.setPointerCapture(event.pointerId);
  if (handle) started = {line: Number(handle.dataset.line), end: Number(handle.dataset.end)};
  else {
    lines.push({kind: drawing, ends: [place(event), place(event)]});
    started = {line: lines.length - 1, end: 1};
  }
});
overlay.addEventListener("pointermove", event => {
  if (!started) return;
  lines[started.line].ends[started.end] = place(event);
  drawOverlay();
});
overlay.addEventListener("pointerup", () => {
  const line = started && lines[started.line];
  started = null;
  if (line && Math.hypot(line.ends[0][0] - line.ends[1][0], line.ends[0][1] - line.ends[1][1]) < 5 * scale()) lines.pop();
  drawOverlay();
});
overlay.addEventListener("pointercancel", () => started = null);
overlay.addEventListener("keydown", event => {
  const handle = event.target.closest("circle[data-line]");
  const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
  if (!handle || !step) return;
  event.preventDefault();
  const {line, end} = handle.dataset, by = (event.shiftKey ? 20 : 2) * scale();
  const [x, y] = lines[line].ends[end];
  lines[line].ends[end] = [x + by * step[0], y + by * step[1]];
  drawOverlay();
  overlay.querySelector(`circle[data-line="${line}"][data-end="${end}"]`).focus();
});

// ---- Taking it away ----

// The chosen view with outlines and lines, and their words below.
async function save() {
  const paper = document.createElement("canvas"), words = [part("caption").textContent, part("meeting").textContent];
  const letter = Math.max(12, photo.width / 50);
  [paper.width, paper.height] = [photo.width, photo.height + Math.round(3 * letter)];
  const context = paper.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, paper.width, paper.height);
  context.drawImage(picture, 0, 0);
  const copy = overlay.cloneNode(true);
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("width", photo.width);
  copy.setAttribute("height", photo.height);
  const drawn = new Image();
  drawn.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await drawn.decode();
  context.drawImage(drawn, 0, 0, photo.width, photo.height);
  context.fillStyle = "#000";
  context.font = `${letter}px sans-serif`;
  context.fillText(`${words.filter(Boolean).join(". ")}`, letter, photo.height + 1.3 * letter, paper.width - 2 * letter);
  context.fillText("A view for the eye, no verdict.", letter, photo.height + 2.6 * letter);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await new Promise(done => paper.toBlob(done, "image/png")));
  link.download = `photo-${chosen()}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Only what belongs to the photo is printed: neither what lies beside it on the page nor what one presses.
function printed() {
  const all = [...element.querySelectorAll(".controls, .geometry, .tools, .split"), document.querySelector("#check-head")];
  for (let node = document.querySelector("#check"); node && node !== document.body; node = node.parentElement)
    all.push(...[...node.parentElement.children].filter(one => one !== node && !["STYLE", "SCRIPT", "LINK"].includes(one.tagName)));
  for (const one of all) one.classList.add("not-printed");
  print();
  for (const one of all) one.classList.remove("not-printed");
}

// ---- A new photo ----

async function load() {
  const data = found.querySelector("[data-photo]");
  if (!data) {
    viewer.dataset.state = "empty";
    return;
  }
  const image = new Image();
  image.src = `${window.gradio_config?.root ?? ""}/${data.dataset.photo}`;
  try {
    await image.decode();
  } catch (error) {
    viewer.dataset.state = "empty";
    return;
  }
  const shrink = Math.min(1, SIDE_PX / Math.max(image.naturalWidth, image.naturalHeight));
  [photo.width, photo.height] = [Math.round(image.naturalWidth * shrink), Math.round(image.naturalHeight * shrink)];
  photo.getContext("2d", {willReadFrequently: true}).drawImage(image, 0, 0, photo.width, photo.height);
  const [width] = JSON.parse(data.dataset.size), by = photo.width / width;
  boxes = JSON.parse(data.dataset.boxes).map(({source, target}) => ({source: source.map(v => v * by), target: target.map(v => v * by)}));
  [lines, looked] = [[], new Set()];
  viewer.dataset.state = "ready";
  arrange(innerWidth < 720);
  await draw();
  drawOverlay();
}

element.addEventListener("input", event => {
  const name = event.target.dataset.do;
  if (name === "zoom") {
    zoom(Number(event.target.value));
    drawOverlay();
  } else if (name === "split") split();
  else {
    showSliders();
    redraw();
  }
});
element.addEventListener("click", event => {
  const button = event.target.closest("button");
  const name = button?.dataset.do;
  if (name === "arrange") arrange(panes.dataset.arrange !== "over");
  if (name in KINDS) {
    pick(name);
    if (event.detail === 0 && drawing) {  // by the keyboard: a line in the middle
      const [x, y] = [photo.width, photo.height];
      lines.push({kind: name, ends: [[0.45 * x, 0.6 * y], [0.55 * x, 0.4 * y]]});
      pick(name);
      drawOverlay();
      overlay.querySelector(`circle[data-line="${lines.length - 1}"]`).focus();
    }
  }
  if (name === "undo") {
    lines.pop();
    drawOverlay();
  }
  if (name === "save") save();
  if (name === "print") printed();
});
new MutationObserver(load).observe(found, {childList: true, subtree: true});
showSliders();
load();
