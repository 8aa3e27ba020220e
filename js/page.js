// The page that an export is: a photo in, the answer and its heatmap out. Everything happens here; nothing is sent.

import {Classifier} from "./classifier.js";
import {bytesOf, joined, readModel, unzipped} from "./model.js";
import {loadNetwork} from "./network.js";
import {coloured} from "./overlay.js";
import {percent} from "./percent.js";
import {openPhoto, PhotoError} from "./photo.js";

const HEAT_SIDE = 240;  // it is soft: the browser makes it larger
const part = id => document.getElementById(id);
const model = readModel(JSON.parse(part("model").textContent));
const palette = bytesOf(model.palette);
const started = performance.now();
let current = null, asked = 0;  // the answer on show; how many photos were asked about

// Numbers that stand in the page, or in a file beside it.
async function packed(id) {
  const element = part(id);
  if (element.dataset.src) return new Uint8Array(await (await fetch(element.dataset.src)).arrayBuffer());
  const bytes = bytesOf(element.textContent);
  element.remove();  // ten megabytes that nobody needs twice
  return bytes;
}

async function loadClassifier() {
  const [runtime, planes] = await Promise.all([packed("runtime"), packed("network")].map(async one => unzipped(await one)));
  return new Classifier(await loadNetwork(runtime, joined(planes, model.networkBytes)), model);
}

// Read out and shown, whatever is in it: text, never markup.
function say(id, text) {
  part(id).textContent = text;
  part(id).hidden = !text;
}

const name = index => model.classes[index];

function headline({doubt, order, probabilities}) {
  const [first, second] = order, likely = index => `${name(index)}, ${percent(probabilities[index])}`;
  part("answer").classList.toggle("unsure", Boolean(doubt));
  say("kicker", doubt ? "No clear answer" : "Most likely");
  say("top", doubt ? "Not sure" : name(first));
  say("likelihood", doubt ? "" : percent(probabilities[first]));
  say("rest", {
    "": "",
    unclear: `${model.sentences.unclear} Closest: ${likely(first)}, then ${likely(second)}.`,
    unfamiliar: `${model.sentences.unfamiliar} The nearest of its classes would be ${name(first)}.`,
  }[doubt]);
}

function ranking({doubt, order, probabilities}) {
  const rows = order.map(index => {
    const row = part("row").content.firstElementChild.cloneNode(true), [button] = row.children;
    const [label, share, bar] = button.children;
    label.textContent = name(index);
    if (doubt !== "unfamiliar") {  // else a percentage would mean nothing
      share.textContent = percent(probabilities[index]);
      bar.style.setProperty("--share", probabilities[index]);
    }
    bar.hidden = doubt === "unfamiliar";
    button.addEventListener("click", () => showHeat(index));
    button.dataset.index = index;
    return row;
  });
  part("ranking").replaceChildren(...rows.slice(0, model.topK));
  part("others").replaceChildren(...rows.slice(model.topK));
  part("more").hidden = rows.length <= model.topK;
}

function showHeat(index) {
  const {map} = current, canvas = part("heat"), {width, height} = part("photo");
  const heat = current.heats[index] ??= classifier.heatmap(current, index);
  const scale = Math.min(1, HEAT_SIDE / Math.max(width, height));
  const size = {width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale))};
  const pixels = coloured(heat, {rows: map.height, columns: map.width}, size, {palette, opacity: model.opacity});
  Object.assign(canvas, size).getContext("2d").putImageData(new ImageData(pixels, size.width), 0, 0);
  const none = heat.every(value => value === 0);
  const words = none ? `The model found nothing that speaks for ${name(index)}.` : `Coloured: what speaks for ${name(index)}.`;
  say("caption", words);
  canvas.setAttribute("aria-label", words);
  document.querySelectorAll("[data-index]").forEach(button =>
    button.setAttribute("aria-pressed", String(Number(button.dataset.index) === index)));
}

function showPhoto({data, width, height}) {
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) pixels.set(data.subarray(from, from + 3), to);
  Object.assign(part("photo"), {width, height}).getContext("2d").putImageData(new ImageData(pixels, width), 0, 0);
}

// Answers one file. What was asked meanwhile wins.
async function ask(file) {
  const mine = asked += 1;
  stopCamera();
  say("problem", "");
  say("status", "Looking at the photo.");
  try {
    const photo = await openPhoto(file, model.limits);
    await ready;
    const answer = await classifier.classify(photo);
    if (mine !== asked) return null;
    current = {...answer, heats: {}};
    document.body.dataset.state = "answered";
    showPhoto(photo);
    headline(answer);
    ranking(answer);
    showHeat(answer.order[0]);
    say("status", answer.doubt ? `Not sure. ${part("rest").textContent}` : `${name(answer.order[0])}, ${part("likelihood").textContent}`);
    return answer;
  } catch (error) {
    if (mine !== asked) return null;
    say("status", "");
    say("problem", error instanceof PhotoError ? error.message : TROUBLE);
    if (!(error instanceof PhotoError)) throw error;
    return null;
  }
}

const TROUBLE = "Something went wrong in this page. Reload it and try again.";
const TOO_OLD = "This browser is too old for the network: it needs WebAssembly with SIMD. Use a newer one.";
const NO_CAMERA = {
  NotAllowedError: "The camera was refused. Allow it for this page, then try again.",
  NotFoundError: "No camera was found. Choose a photo instead.",
};

// --- camera ---------------------------------------------------------------------------------------------------

let stream = null;

async function startCamera() {
  say("problem", "");
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
    part("video").srcObject = stream;
    part("viewfinder").hidden = false;
    await part("video").play();
    part("snap").focus();
  } catch (error) {
    stopCamera();
    say("problem", NO_CAMERA[error.name] ?? "The camera could not be started. Choose a photo instead.");
  }
}

function stopCamera() {
  stream?.getTracks().forEach(track => track.stop());
  part("video").srcObject = stream = null;
  part("viewfinder").hidden = true;
}

function snap() {
  const {videoWidth: width, videoHeight: height} = part("video");
  if (!width) return;
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  canvas.getContext("2d").drawImage(part("video"), 0, 0);
  canvas.toBlob(ask, "image/png");
}

// --- what a visitor does --------------------------------------------------------------------------------------

part("choose").addEventListener("click", () => part("file").click());
part("file").addEventListener("change", () => {
  const [file] = part("file").files;
  if (file) ask(file);
  part("file").value = "";  // the same file again is a new question
});
addEventListener("dragover", event => event.preventDefault());
addEventListener("drop", event => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) ask(file);
  else say("problem", "That was no file. Save the picture first, then drop it here.");
});
addEventListener("paste", event => {
  const [file] = event.clipboardData.files;
  if (file) ask(file);
});
part("camera").hidden = !navigator.mediaDevices?.getUserMedia;
part("camera").addEventListener("click", () => stream ? stopCamera() : startCamera());
part("snap").addEventListener("click", snap);
part("cancel").addEventListener("click", () => { stopCamera(); part("camera").focus(); });
part("with-heat").addEventListener("change", () => { part("heat").hidden = !part("with-heat").checked; });
addEventListener("pagehide", stopCamera);

let classifier = null;
const ready = loadClassifier().then(loaded => {
  classifier = loaded;
  document.body.dataset.ready = Math.round(performance.now() - started);
  say("loading", "");
});
ready.catch(error => {
  say("loading", "");
  say("problem", error instanceof WebAssembly.CompileError ? TOO_OLD : TROUBLE);
  document.body.dataset.state = "broken";
  throw error;
});

if (document.body.dataset.offline) navigator.serviceWorker?.register(document.body.dataset.offline);

window.takeaway = {ask};  // for programs, and for the tests of this page
