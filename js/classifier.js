// The whole answer to one photo, as dance_demo/model/classifier.py gives it.

import {distance, doubt, knownBy} from "./familiarity.js";
import {heatmap, pool, probabilities} from "./head.js";
import {mirrored, toInput} from "./preprocessing.js";

const PHOTO = 0, MIRROR_IMAGE = 1;  // views

export class Classifier {
  // network: see network.js; model: see model.js
  constructor(network, model) {
    Object.assign(this, {network, model});
  }

  // What the network is asked about for one answer.
  get views() {
    return this.model.mirroredView ? [PHOTO, MIRROR_IMAGE] : [PHOTO];
  }

  // photo (see resize.js) -> {probabilities, order, doubt, distance, map}; order: class numbers, the most likely first
  async classify(photo, views = this.views) {
    const map = await this.featureMap(photo, views), pooled = pool(map), {head, familiarity} = this.model;
    const shares = [...probabilities(head, pooled)];
    const far = distance(familiarity, knownBy(familiarity, map.inner, pooled));
    const order = shares.map((_, i) => i).sort((a, b) => shares[b] - shares[a]);
    const familiar = Number(far <= familiarity.maxDistance);
    return {probabilities: shares, order, familiar, doubt: doubt(familiarity, familiar, shares), distance: far, map};
  }

  // The mean of the views' maps, that of the mirror image mirrored back; `inner`: their inner ones, pooled.
  async featureMap(photo, views) {
    const values = toInput(photo, this.model), maps = [];
    for (const view of views) {
      const input = view === PHOTO ? values : mirrored(values, this.model.inputSide, 3);
      const map = await this.network.featureMap(input), inner = map.inner && pool(map.inner);
      maps.push({...map, inner, data: view === PHOTO ? map.data : mirrored(map.data, map.width, map.channels)});
    }
    const [one, other] = maps;
    return other ? {...one, data: mean(one.data, other.data), inner: one.inner && mean(one.inner, other.inner)} : one;
  }

  heatmap({map}, index) {
    return heatmap(map, this.model.head, index);
  }
}

function mean(one, other) {
  return one.map((value, i) => Math.fround(value + other[i]) / 2);
}
