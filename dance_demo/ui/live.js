// The tab "Live": shows the camera, sends one small picture at a time, and draws the answer when it comes.
// The next picture is taken only then, so a slow server or network means fewer pictures, never old ones.
const SIDE_PX = 320, QUALITY = 0.8, EVERY_MS = 75, BUSY_MS = 400, OFFLINE_MS = 1500, SPEAK_MS = 1500, RATE_MS = 3000;
const NO_CAMERA = {
  NotAllowedError: "The camera was refused. Allow it for this page in the browser's address bar, then start again.",
  SecurityError: "The camera was refused. Allow it for this page in the browser's address bar, then start again.",
  NotFoundError: "No camera was found. Connect one, or choose a photo in “Name a dance”.",
  OverconstrainedError: "No camera was found. Connect one, or choose a photo in “Name a dance”.",
  NotReadableError: "The camera is used by another program. Close that program, then start again.",
};
const NOT_SECURE = "Browsers offer the camera only to pages at https:// or localhost, and this one is neither. " +
  "Open the page so, or choose a photo in “Name a dance”.";

const part = name => element.querySelector(`[data-part="${name}"]`);
const button = name => element.querySelector(`[data-do="${name}"]`);
const live = element.querySelector(".live"), camera = element.querySelector(".camera");
const video = element.querySelector("video"), choice = element.querySelector("select");
const still = part("still"), heat = part("heat");
const taken = document.createElement("canvas"), small = document.createElement("canvas");
const visitor = [...crypto.getRandomValues(new Uint8Array(8))].map(byte => byte.toString(16).padStart(2, "0")).join("");
let run = 0;  // a number for each start; what belongs to an earlier one is dropped
let stream = null, frozen = false, anew = true, facing = "environment", last = null, times = [], spoken = "", spokenAt = 0;
let asking = null;  // the request on its way

const wait = ms => new Promise(done => setTimeout(done, ms));
const address = () => (window.gradio_config?.root ?? "") + live.dataset.url;

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

function headline(kicker, title, likelihood, rest, kind) {
  const [above, name, below] = part("headline").children;
  part("headline").className = `headline ${kind}`;
  above.textContent = kicker;
  name.textContent = `${title} `;
  if (likelihood) name.append(Object.assign(document.createElement("span"), {className: "likelihood", textContent: likelihood}));
  below.textContent = rest;
}

function answered(answer) {
  const top = answer.answers[0];
  if (answer.sure) headline("Most likely", top.name, top.percent, "", "sure");
  else headline("No clear answer", "Not sure", "", answer.note, "unsure");
  [...element.querySelectorAll("ol li")].forEach((row, place) => {
    const one = answer.answers[place];
    row.hidden = !one;
    if (!one) return;
    row.children[0].textContent = one.name;
    row.children[1].textContent = one.percent;
    row.children[2].style.setProperty("--share", one.probability);
  });
  element.querySelector("ol").classList.toggle("unsure", !answer.sure);
  const words = answer.sure ? `${top.name}, ${top.percent}` : "Not sure";
  const said = answer.sure ? top.name : words;  // not every percent is worth a word
  if (said !== spoken && performance.now() - spokenAt > SPEAK_MS) {
    part("spoken").textContent = words;
    [spoken, spokenAt] = [said, performance.now()];
  }
}

async function paint(png) {
  const picture = new Image();
  if (png) {
    picture.src = `data:image/png;base64,${png}`;
    await picture.decode();
  }
  return picture;
}

function draw(picture) {
  heat.width = picture.naturalWidth || 1;
  heat.height = picture.naturalHeight || 1;
  if (picture.naturalWidth) heat.getContext("2d").drawImage(picture, 0, 0);
}

function take() {
  const scale = Math.min(1, SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  taken.width = video.videoWidth;
  taken.height = video.videoHeight;
  taken.getContext("2d").drawImage(video, 0, 0);
  small.width = Math.round(video.videoWidth * scale);
  small.height = Math.round(video.videoHeight * scale);
  small.getContext("2d").drawImage(taken, 0, 0, small.width, small.height);
  return new Promise(done => small.toBlob(done, "image/jpeg", QUALITY));
}

async function ask(jpeg, forgetting) {
  asking = new AbortController();
  const query = new URLSearchParams({visitor, class: choice.value, anew: forgetting ? 1 : 0});
  const type = {"Content-Type": "image/jpeg"};
  const reply = await fetch(`${address()}?${query}`, {method: "POST", headers: type, body: jpeg, signal: asking.signal});
  const answer = await reply.json().catch(() => ({detail: "The server does not answer. Trying again."}));
  return {status: reply.status, ...answer};
}

// One look: take a picture, have it answered, show that. Returns how long to wait before the next.
async function look(mine) {
  if (!video.videoWidth) return 50;
  const started = performance.now();
  const jpeg = await take();
  if (mine !== run || frozen) return 0;  // switched off meanwhile: nothing more may leave
  const answer = await ask(jpeg, anew);
  if (mine !== run || frozen) return 0;
  if (answer.status !== 200) {
    tell("hint", answer.detail);
    return answer.status === 503 ? BUSY_MS * (0.5 + Math.random()) : OFFLINE_MS;
  }
  const picture = await paint(answer.heat);
  if (mine !== run || frozen) return 0;
  anew = false;
  last = jpeg;
  still.width = taken.width;
  still.height = taken.height;
  still.getContext("2d").drawImage(taken, 0, 0);
  draw(picture);
  answered(answer);
  button("freeze").disabled = false;
  rate();
  return Math.max(0, EVERY_MS - (performance.now() - started));
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
  while (mine === run) {
    let pause = 100;
    if (!frozen) {
      try {
        pause = await look(mine);
      } catch (error) {
        if (mine !== run) return;
        tell("hint", "The server does not answer. Trying again.");
        pause = OFFLINE_MS;
      }
    }
    await wait(Math.max(1, pause));
  }
}

// The camera must not stay on behind another tab.
async function guard(mine) {
  while (mine === run) {
    if (!element.isConnected || !element.checkVisibility()) return stop();
    await wait(200);
  }
}

function off() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  video.srcObject = stream = null;
}

function stop() {
  run += 1;
  asking?.abort();
  off();
  [frozen, last, times, spoken] = [false, null, [], ""];
  part("spoken").textContent = "";
  tell("hint", "");
  draw(new Image());
  for (const row of element.querySelectorAll("ol li")) row.hidden = true;
  headline("Camera off", "No picture yet", "", "Start the camera, and the answer appears here.", "");
  show("off");
}

async function start() {
  const mine = run += 1;
  off();
  tell("problem", "");
  [frozen, anew, times] = [false, true, []];
  if (!navigator.mediaDevices?.getUserMedia) return tell("problem", NOT_SECURE);
  try {
    const wanted = {facingMode: facing, width: {ideal: 640}, height: {ideal: 480}};
    const opened = await navigator.mediaDevices.getUserMedia({video: wanted, audio: false});
    if (mine !== run) return opened.getTracks().forEach(track => track.stop());
    stream = video.srcObject = opened;
    opened.getVideoTracks()[0].addEventListener("ended", () => {
      if (mine !== run) return;
      stop();
      tell("problem", "The camera was switched off or unplugged. Start it again.");
    });
    await video.play();
    const devices = await navigator.mediaDevices.enumerateDevices();
    if (mine !== run) return;
    button("turn").hidden = devices.filter(device => device.kind === "videoinput").length < 2;
  } catch (error) {
    if (mine !== run) return;
    stop();
    return tell("problem", NO_CAMERA[error.name] ?? "The camera could not be started. Reload the page and try again.");
  }
  show("live");
  watch(mine);
  guard(mine);
}

function freeze() {
  frozen = !frozen;
  anew = true;  // what was seen before does not belong to what comes after
  times = [];
  show(frozen ? "frozen" : "live");
}

// Another form while frozen: the same picture again, for its heatmap only.
choice.addEventListener("change", async () => {
  if (!frozen) return;
  const mine = run;
  for (let tries = 0; tries < 20 && mine === run && frozen; tries += 1) {
    const answer = await ask(last, true).catch(() => ({status: 0, detail: "The server does not answer. Try again."}));
    if (mine !== run || !frozen) return;
    if (answer.status === 200) {
      tell("hint", "");
      return draw(await paint(answer.heat));
    }
    if (answer.status !== 503) return tell("hint", answer.detail);
    await wait(BUSY_MS / 2);
  }
});

element.addEventListener("click", event => {
  const action = event.target.closest("button")?.dataset.do;
  if (action === "start") camera.dataset.state === "off" ? start() : stop();
  if (action === "freeze") freeze();
  if (action === "turn") {
    facing = facing === "environment" ? "user" : "environment";
    start();
  }
});
document.addEventListener("visibilitychange", () => document.hidden && stream && stop());
window.addEventListener("pagehide", () => stream && stop());
stop();
