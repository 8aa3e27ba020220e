// The whole answer to one photo, as dance_demo/model/classifier.py gives it.

import {distance, doubt} from "./familiarity.js";
import {heatmap, pool, probabilities} from "./head.js";
import {mirrored, toInput} from "./preprocessing.js";

export class Classifier {
  // network: see network.js; model: see model.js
  constructor(network, model) {
    Object.assign(this, {network, model});
  }

  // photo (see resize.js) -> {probabilities, order, doubt, distance, map}; order: class numbers, the most likely first
  async classify(photo) {
    const map = await this.featureMap(photo), pooled = pool(map), {head, familiarity} = this.model;
    const shares = [...probabilities(head, pooled)], far = distance(familiarity, pooled);
    const order = shares.map((_, i) => i).sort((a, b) => shares[b] - shares[a]);
    const familiar = Number(far <= familiarity.maxDistance);
    return {probabilities: shares, order, familiar, doubt: doubt(familiarity, familiar, shares), distance: far, map};
  }

  async featureMap(photo) {
    const values = toInput(photo, this.model), map = await this.network.featureMap(values);
    if (!this.model.mirroredView) return map;
    const other = await this.network.featureMap(mirrored(values, this.model.inputSide, 3));
    const back = mirrored(other.data, map.width, map.channels);
    return {...map, data: map.data.map((value, i) => Math.fround(value + back[i]) / 2)};
  }

  heatmap({map}, index) {
    return heatmap(map, this.model.head, index);
  }
}
