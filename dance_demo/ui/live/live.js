// The tab "Live": shows the camera, has one small picture at a time answered, and draws the answer when it comes. The
// next picture is taken only then, so who is slow gives fewer answers, never old ones. The browser answers itself where
// it can (local.js); then no picture leaves it.
const SIDE_PX = 320, QUALITY = 0.8, EVERY_MS = 75, BUSY_MS = 400, OFFLINE_MS = 1500, SPEAK_MS = 1500, RATE_MS = 3000;
const part = name => element.querySelector(`[data-part="${name}"]`);
const button = name => element.querySelector(`[data-do="${name}"]`);
const live = element.querySelector(".live"), camera = element.querySelector(".camera");
const video = element.querySelector("video"), choice = element.querySelector("select");
const whose = document.querySelector("#live-model");
const still = part("still"), heat = part("heat");
const taken = document.createElement("canvas"), small = document.createElement("canvas"), visitor = newVisitor();
const eye = new Camera(video, sentence => {
  stop();
  tell("problem", sentence);
});
let frozen = false, anew = true, last = null, times = [], spoken = "", spokenAt = 0;
let asking = null;  // the request on its way
let engine = live.dataset.engine && Engine.able() ? new Engine(live.dataset) : null;  // null: the server answers
let model = "";  // that answers; "" is the one that ships

function show(state) {
  camera.dataset.state = live.dataset.state = state;
  button("start").textContent = state === "off" ? "Start the camera" : "Stop";
  button("start").classList.toggle("go", state === "off");
  button("freeze").textContent = state === "frozen" ? "Go on" : "Freeze";
  button("freeze").setAttribute("aria-pressed", state === "frozen");
  button("freeze").disabled = state === "off" || !last;
  if (state !== "live") part("rate").textContent = "";
  if (state === "off") button("turn").hidden = true;
}

function tell(name, text) {
  if (part(name).textContent !== text) part(name).textContent = text;
  part(name).hidden = !text;
}

// How those who dance a form write its name; nothing for other classes. By the names that are shown.
let ownNames = new Map();
const ownSpan = () => Object.assign(document.createElement("span"), {className: "own-name"});

function own(node, name) {
  [node.textContent, node.lang] = name ?? ["", ""];
  return node;
}

function headline(kicker, title, likelihood, rest, kind, ownName) {
  const [above, name, below] = part("headline").children;
  part("headline").className = `headline ${kind}`;
  above.textContent = kicker;
  name.textContent = `${title} `;
  if (likelihood) name.append(Object.assign(document.createElement("span"), {className: "likelihood", textContent: likelihood}));
  if (ownName) name.append(" ", own(ownSpan(), ownName));
  below.textContent = rest;
}

function answered(answer) {
  const top = answer.answers[0];
  if (answer.sure) headline("Most likely", top.name, top.percent, "", "sure", ownNames.get(top.name));
  else headline("No clear answer", "Not sure", "", answer.note, "unsure");
  [...element.querySelectorAll("ol li")].forEach((row, place) => {
    const one = answer.answers[place];
    row.hidden = !one;
    if (!one) return;
    row.querySelector(".name").textContent = one.name;
    own(row.querySelector(".own-name"), ownNames.get(one.name));
    row.querySelector(".percent").textContent = one.percent;
    row.querySelector(".bar").style.setProperty("--share", one.percent ? one.probability : 0);
  });
  element.querySelector("ol").classList.toggle("unsure", !answer.sure);
  const words = answer.sure ? `${top.name}, ${top.percent}` : "Not sure";
  const said = answer.sure ? top.name : words;  // not every percent is worth a word
  if (said !== spoken && performance.now() - spokenAt > SPEAK_MS) {
    part("spoken").textContent = words;
    [spoken, spokenAt] = [said, performance.now()];
  }
}

// A heatmap as the server sends it (PNG in base64), or as the browser has it.
async function paint(found) {
  if (found instanceof ImageData) return createImageBitmap(found);
  const picture = new Image();
  if (found) {
    picture.src = `data:image/png;base64,${found}`;
    await picture.decode();
  }
  return picture;
}

function draw(picture) {
  heat.width = picture.width || 1;
  heat.height = picture.height || 1;
  if (picture.width) heat.getContext("2d").drawImage(picture, 0, 0);
}

function sayWhoAnswers() {
  part("here").hidden = !engine;
  part("there").hidden = Boolean(engine);
}

function take() {
  taken.width = video.videoWidth;
  taken.height = video.videoHeight;
  taken.getContext("2d").drawImage(video, 0, 0);
  return engine ? eye.pixels(SIDE_PX, small) : eye.picture(SIDE_PX, QUALITY, small);
}

// The visitor has chosen another model, or gone back to the one that ships: other classes.
function follow() {
  const now = whose.querySelector("[data-model]");
  if (!now || (ownNames.size && now.dataset.model === model)) return;
  const known = JSON.parse(now.dataset.known);
  ownNames = new Map(known.names);
  if (now.dataset.model === model) return;
  model = now.dataset.model;
  choice.replaceChildren(...known.choices.map(([number, words]) => new Option(words, number)));
  element.querySelector(".invitation h2").textContent = known.question;
  element.querySelector(".known ul").replaceChildren(
    ...known.names.map(([name, ownName]) => {
      const item = Object.assign(document.createElement("li"), {textContent: `${name} `});
      if (ownName) item.append(own(ownSpan(), ownName));
      return item;
    }));
}

function ask(picture, forgetting) {
  asking = new AbortController();
  follow();
  const query = {visitor, model, class: choice.value, anew: forgetting ? 1 : 0};
  return engine ? askHere(picture, query) : askAbout(picture, live.dataset.url, query, asking.signal);
}

async function askHere(pixels, query) {
  if (!engine.ready) tell("hint", "The network comes to this browser, once (11 MB).");
  try {
    const answer = await engine.ask(pixels, query, frozen);
    if (!engine.ready) tell("hint", "");
    engine.ready = true;
    return answer;
  } catch (error) {
    if (engine.ready || !navigator.onLine) return {status: 0, detail: error.message};
    engine = null;  // the next picture goes to the server, and the page says so
    sayWhoAnswers();
    return {status: 503, detail: "This browser cannot answer by itself: the server does."};
  }
}

// One look: take a picture, have it answered, show that. Returns how long to wait before the next.
async function look(mine) {
  if (!video.videoWidth) return 50;
  const started = performance.now();
  const picture = await take();
  if (mine !== eye.run || frozen) return 0;  // switched off meanwhile: nothing more may leave
  const answer = await ask(picture, anew);
  if (mine !== eye.run || frozen) return 0;
  if (answer.status !== 200) {
    tell("hint", answer.detail);
    return answer.status === 503 ? BUSY_MS * (0.5 + Math.random()) : OFFLINE_MS;
  }
  const coloured = await paint(answer.heat);
  if (mine !== eye.run || frozen) return 0;
  anew = false;
  last = picture;
  still.width = taken.width;
  still.height = taken.height;
  still.getContext("2d").drawImage(taken, 0, 0);
  draw(coloured);
  answered(answer);
  button("freeze").disabled = false;
  rate();
  return engine ? 0 : Math.max(0, EVERY_MS - (performance.now() - started));
}

function rate() {
  const now = performance.now();
  times = [...times.filter(time => time > now - RATE_MS), now];
  if (times.length < 3) return;
  const perSecond = 1000 * (times.length - 1) / (now - times[0]);
  tell("rate", `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} answers a second`);
  if (perSecond > 3) tell("hint", "");
}

async function watch(mine) {
  while (mine === eye.run) {
    let pause = 100;
    if (!frozen) {
      try {
        pause = await look(mine);
      } catch (error) {
        if (mine !== eye.run) return;
        tell("hint", "The server does not answer. Trying again.");
        pause = OFFLINE_MS;
      }
    }
    await wait(Math.max(1, pause));
  }
}

function stop() {
  eye.close();
  asking?.abort();
  [frozen, last, times, spoken] = [false, null, [], ""];
  part("spoken").textContent = "";
  tell("hint", "");
  draw(new Image());
  for (const row of element.querySelectorAll("ol li")) row.hidden = true;
  headline("Camera off", "No picture yet", "", "Start the camera, and the answer appears here.", "");
  show("off");
}

async function start() {
  tell("problem", "");
  [frozen, anew, times] = [false, true, []];
  const trouble = await eye.open();
  if (trouble === null) return;
  if (trouble) {
    stop();
    return tell("problem", trouble);
  }
  button("turn").hidden = !eye.several;
  show("live");
  watch(eye.run);
}

function freeze() {
  frozen = !frozen;
  anew = true;  // what was seen before does not belong to what comes after
  times = [];
  show(frozen ? "frozen" : "live");
  if (engine) again();
}

// The frozen picture again: for the heatmap of another class, and in this browser for an answer to it alone.
async function again() {
  if (!frozen) return;
  const mine = eye.run;
  for (let tries = 0; tries < 20 && mine === eye.run && frozen; tries += 1) {
    const answer = await ask(last, true).catch(() => ({status: 0, detail: "The server does not answer. Try again."}));
    if (mine !== eye.run || !frozen) return;
    if (answer.status === 200) {
      tell("hint", "");
      if (engine) answered(answer);
      return draw(await paint(answer.heat));
    }
    if (answer.status !== 503) return tell("hint", answer.detail);
    await wait(BUSY_MS / 2);
  }
}
choice.addEventListener("change", again);

element.addEventListener("click", event => {
  const action = event.target.closest("button")?.dataset.do;
  if (action === "start") camera.dataset.state === "off" ? start() : stop();
  if (action === "freeze") freeze();
  if (action === "turn") {
    eye.turn();
    start();
  }
});
new MutationObserver(follow).observe(whose, {childList: true, subtree: true});
follow();
sayWhoAnswers();
stop();
