// "Hold to record": photos of a class for as long as its button is held, sent when it is let go; in between a head that
// was fitted to all photos so far answers the camera. The buttons are in the list of classes, which the server writes
// anew after each recording: they are looked up by the name of their class, and events are heard on the whole page.
const PHOTO_PX = 480, QUALITY = 0.85, EVERY_MS = 100, MOST = 100, BY_CLICK = 10;
const ASK_PX = 320, ASK_MS = 120, BUSY_MS = 500, OFFLINE_MS = 1500, TAKEN_MS = 20000;
const NO_HEATMAP = -2;

const part = name => element.querySelector(`[data-part="${name}"]`);
const recorder = element.querySelector(".recorder"), visitor = newVisitor();
let list = null, told = null;  // the list of classes, and what the server says of recordings: they stand after this
const eye = new Camera(element.querySelector("video"), stop);
let held = null;  // the recording that goes on: {name, photos, most}
let latest = null;  // the last answer of the head
let sending = Promise.resolve(), unsent = [], serial = 0, shown = "";

const rows = () => [...list?.querySelectorAll("[data-class]") ?? []];
const row = name => rows().find(one => one.dataset.class === name);
const button = target => target.closest?.("#typed-classes button[data-record]");
const nameOf = one => one.closest("[data-class]").dataset.class;
const photos = n => n === 1 ? "1 photo" : `${n} photos`;

function tell(name, text) {
  if (part(name).textContent !== text) part(name).textContent = text;
  part(name).hidden = !text;
}

function show(state) {
  recorder.dataset.state = state;
  part("start").textContent = state === "off" ? "Start the camera" : "Stop the camera";
  part("start").classList.toggle("go", state === "off");
  part("turn").hidden = state === "off" || !eye.several;
}

function stop(sentence = "") {
  eye.close();
  end();
  for (const one of rows()) one.querySelector(".answer").hidden = true;
  tell("problem", sentence);
  show("off");
}

async function start() {
  tell("problem", "");
  const trouble = await eye.open();
  if (trouble) stop(trouble);
  if (trouble !== "") return false;
  show("live");
  watch(eye.run);
  return true;
}

// --- recording -----------------------------------------------------------------------------------------------

function count() {
  for (const one of rows()) {
    const mine = held?.name === one.dataset.class;
    one.querySelector("button[data-record]").classList.toggle("recording", mine);
    if (mine) one.querySelector("[data-part=count]").textContent = photos(Number(one.dataset.photos) + held.photos.length);
  }
}

async function begin(name, most = MOST) {
  if (held) return;
  const mine = held = {name, photos: [], most};
  if (!eye.stream && !await start()) held = null;
  count();
  while (held === mine && eye.stream && mine.photos.length < mine.most) {
    const started = performance.now();
    if (eye.video.videoWidth) mine.photos.push(await eye.picture(PHOTO_PX, QUALITY));
    count();
    await wait(Math.max(1, EVERY_MS - (performance.now() - started)));
  }
  if (held === mine) end();
  if (!mine.photos.length) return;
  tell("spoken", `${photos(mine.photos.length)} of ${name}`);
  tell("hint", mine.photos.length === MOST ? `${MOST} photos at a time. Let go, and hold again for more.` : "");
  sending = sending.then(() => send(mine));
}

function end() {
  held = null;
  count();
}

// The photos go the way of every upload, and are then put into their class.
async function send(recording) {
  const form = new FormData();
  recording.photos.forEach((photo, n) => form.append("files", photo, `${String(n + 1).padStart(3, "0")}.jpg`));
  const reply = await fetch(address(recorder.dataset.upload), {method: "POST", body: form}).catch(() => null);
  if (!reply?.ok) {
    unsent.push(recording);
    tell("problem", reply ? await reply.text() : "The server does not answer. The photos are still here: send them again.");
    part("again").hidden = false;
    return;
  }
  tell("problem", "");
  serial += 1;
  trigger("click", {name: recording.name, paths: await reply.json(), serial});
  for (let waited = 0; waited < TAKEN_MS && told.querySelector("[data-serial]")?.dataset.serial !== String(serial); waited += 50)
    await wait(50);
}

function sendAgain() {
  const recordings = unsent;
  [unsent, part("again").hidden] = [[], true];
  for (const recording of recordings) sending = sending.then(() => send(recording));
}

document.addEventListener("pointerdown", event => {
  const pressed = button(event.target);
  if (!pressed || event.button) return;
  pressed.focus({preventScroll: true});
  begin(nameOf(pressed));
});
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => held?.most === MOST && end());
document.addEventListener("keydown", event => {
  const pressed = [" ", "Enter"].includes(event.key) && button(event.target);
  if (!pressed) return;
  event.preventDefault();  // no click, and no page down
  if (!event.repeat) begin(nameOf(pressed));
});
document.addEventListener("keyup", event => {
  if (![" ", "Enter"].includes(event.key)) return;
  if (button(event.target)) event.preventDefault();
  if (held?.most === MOST) end();
});
// A screen reader presses and lets go at once.
document.addEventListener("click", event => {
  const pressed = button(event.target);
  if (pressed && event.detail === 0) begin(nameOf(pressed), BY_CLICK);
});
document.addEventListener("contextmenu", event => button(event.target) && event.preventDefault());
window.addEventListener("blur", () => held && end());
// The list was written anew: the focus goes back to the button that had it, and what was shown there is shown again.
let focused = "";
document.addEventListener("focusin", event => { focused = button(event.target) ? nameOf(event.target) : ""; });
let written = null;
function writtenAnew() {
  if (written === (written = list.querySelector("ul"))) return;
  const again = focused && document.activeElement === document.body && row(focused)?.querySelector("button[data-record]");
  if (again) again.focus({preventScroll: true});
  count();
  if (eye.stream && latest) answered(latest);
}

// --- answers -------------------------------------------------------------------------------------------------

function answered(answer) {
  latest = answer;
  const likely = Object.fromEntries(answer.answers.map(one => [one.name, one]));
  for (const one of rows()) {
    const found = likely[one.dataset.shown], place = one.querySelector(".answer");
    place.hidden = !found;
    if (!found) continue;
    place.classList.toggle("top", found === answer.answers[0]);
    place.querySelector(".bar").style.setProperty("--share", found.probability);
    place.querySelector(".percent").textContent = found.percent;
  }
}

async function look(mine) {
  const model = told.querySelector("[data-model]")?.dataset.model;
  if (!model || held || !eye.video.videoWidth) return EVERY_MS;
  const started = performance.now(), jpeg = await eye.picture(ASK_PX, QUALITY);
  if (mine !== eye.run) return 0;
  const query = {visitor, model, class: NO_HEATMAP, anew: model === shown ? 0 : 1};
  const answer = await askAbout(jpeg, recorder.dataset.url, query);
  if (mine !== eye.run) return 0;
  if (answer.status !== 200) return BUSY_MS;
  shown = model;
  answered(answer);
  return Math.max(1, ASK_MS - (performance.now() - started));
}

async function watch(mine) {
  while (mine === eye.run) await wait(await look(mine).catch(() => OFFLINE_MS));
}

element.addEventListener("click", event => {
  const action = event.target.closest("button")?.dataset.part;
  if (action === "start") eye.stream ? stop() : start();
  if (action === "turn") {
    eye.turn();
    start();
  }
  if (action === "again") sendAgain();
});
stop();
(async () => {
  while (!list || !told) {
    await wait(50);
    [list, told] = [document.querySelector("#typed-classes"), document.querySelector("#recorded")];
  }
  new MutationObserver(writtenAnew).observe(list, {childList: true, subtree: true});
})();
