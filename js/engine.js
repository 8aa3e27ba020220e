// Answers a running camera in a worker of the visitor's own browser, as dance_demo/predict/camera.py does on a server:
// no picture leaves the device. A question is {id, model, runtime, pixels, width, height, heatOf, anew, still}, with the
// addresses of what the model is made of; its answer {id, answer} or {id, problem}.
//
// Of a running camera's pictures the network sees the photo and the mirror image in turn, and the smoothing is their
// mean: twice as many answers. A still picture is asked about as a photo is.

import {Classifier} from "./classifier.js";
import {doubt} from "./familiarity.js";
import {bytesOf, joined, readModel, unzipped} from "./model.js";
import {loadNetwork} from "./network.js";
import {coloured} from "./overlay.js";
import {percent} from "./percent.js";
import {rgb} from "./photo.js";
import {fromLogs, sceneOf, smooth} from "./smoothing.js";

const MOST_LIKELY = -1, NO_HEATMAP = -2;
const loaded = new Map();  // address -> the promise of what lies there
let turn = 0;  // of the views
let known = null;  // what is known after the last picture: see smoothing.js

const once = (address, load) => {
  if (!loaded.has(address)) {
    const promise = load(address);
    promise.catch(() => loaded.delete(address));  // the network may be back later
    loaded.set(address, promise);
  }
  return loaded.get(address);
};

async function fetched(address) {
  const reply = await fetch(address);
  if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).detail ?? "The server does not answer.");
  return reply;
}

const packed = async address => unzipped(new Uint8Array(await (await fetched(address)).arrayBuffer()));

async function loadClassifier(address, runtime) {
  const json = await (await fetched(address)).json(), model = {...readModel(json), palette: bytesOf(json.palette)};
  const network = await once(new URL(model.network, address).href, async where =>
    loadNetwork(await packed(runtime), joined(await packed(where), model.networkBytes)));
  return new Classifier(network, model);
}

async function look({model: address, runtime, pixels, width, height, heatOf, anew, still}) {
  const classifier = await once(address, () => loadClassifier(address, runtime)), {model} = classifier;
  const photo = rgb({data: new Uint8ClampedArray(pixels), width, height});
  const views = still ? classifier.views : [classifier.views[turn++ % classifier.views.length]];
  const found = await classifier.classify(photo, views);
  known = smooth(anew ? null : known, {...found, scene: sceneOf(photo), time: performance.now() / 1000}, model.smoothing);
  const shares = fromLogs(known.logs), why = doubt(model.familiarity, known.familiar, shares);
  const order = shares.map((_, i) => i).sort((a, b) => shares[b] - shares[a]);
  const answers = order.map(index => ({
    name: model.classes[index],
    percent: why === "unfamiliar" ? "" : percent(shares[index]),
    probability: shares[index],
  }));
  const note = why && model.sentences[why];
  if (heatOf === NO_HEATMAP) return {answers, sure: !why, note, heat: null};
  const index = heatOf === MOST_LIKELY ? order[0] : heatOf;
  const scale = model.heatSide / Math.max(width, height);
  const size = {width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale))};
  const colours = coloured(classifier.heatmap(found, index), {rows: found.map.height, columns: found.map.width}, size, model);
  return {answers, sure: !why, note, heat: new ImageData(colours, size.width)};
}

// One after the other: the network holds one picture at a time.
let before = Promise.resolve();
addEventListener("message", ({data}) => {
  before = before.then(() => look(data)).then(
    answer => postMessage({id: data.id, answer}),
    error => postMessage({id: data.id, problem: error.message}));
});
