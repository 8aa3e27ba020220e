// Is a photo like those of the training, and is the answer clear? As dance_demo/model/familiarity.py, which explains it.

import {powerNormalized} from "./head.js";

// Mahalanobis distance to the training photos, squared and per channel. known: {centre, directions, variances, rest}
export function distance(known, pooled) {
  const offset = powerNormalized(pooled).map((value, i) => value - known.centre.data[i]), n = offset.length;
  let all = 0, along = 0, weighed = 0;
  for (const value of offset) all += value * value;
  known.variances.data.forEach((variance, direction) => {
    let part = 0;
    for (let i = 0; i < n; i += 1) part += offset[i] * known.directions.data[direction * n + i];
    along += part * part;
    weighed += part * part / variance;
  });
  return (weighed + Math.max(all - along, 0) / known.rest) / n;
}

// What it is about: the inner features of the network, or the pooled feature map. Its size says which.
export function knownBy({centre}, inner, pooled) {
  return centre.data.length === inner?.length ? inner : pooled;
}

// "unfamiliar", "unclear", or "" if the answer is sure. `familiar` is 0 or 1, or the share of a camera's pictures.
export function doubt({minProbability, minMargin}, familiar, probabilities) {
  if (familiar < 0.5) return "unfamiliar";
  const [first, second] = [...probabilities].sort((a, b) => b - a);
  return first < minProbability || first - second < minMargin ? "unclear" : "";
}
