// Smooths the answers to the pictures of a camera, as dance_demo/predict/smoothing.py does, which explains it.

import {BOX, resize} from "./resize.js";

const CELLS = 4;

// What is known after one more picture: {logs, familiar, scene, time}. settings: halfLife, floor, forgotten, sameScene
export function smooth(before, {probabilities, familiar, scene, time}, {halfLife, floor, forgotten, sameScene}) {
  const alone = {logs: probabilities.map(share => Math.log(Math.max(share, floor))), familiar, scene, time};
  if (!before || before.logs.length !== alone.logs.length) return alone;
  const passed = time - before.time;
  if (passed < 0 || passed > forgotten || isCut(before.scene, scene, sameScene)) return alone;
  const weight = 1 - 2 ** (-passed / halfLife), mixed = (old, now) => old + weight * (now - old);
  return {logs: alone.logs.map((log, i) => mixed(before.logs[i], log)), familiar: mixed(before.familiar, familiar), scene, time};
}

export function fromLogs(logs) {
  const largest = Math.max(...logs), shares = logs.map(log => Math.exp(log - largest));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map(share => share / sum);
}

// A picture as 4 x 4 mean colours in [0, 1].
export function sceneOf(photo) {
  return Array.from(resize(photo, CELLS, CELLS, BOX).data, value => value / 255);
}

function isCut(first, second, sameScene) {
  const centred = scene => scene.map(value => value - scene.reduce((a, b) => a + b, 0) / scene.length);
  const [a, b] = [centred(first), centred(second)], dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) < sameScene * Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
}
