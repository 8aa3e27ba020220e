// Makes of a photo what the network takes in, as dance_demo/model/preprocessing.py does.

import {reduce, resize} from "./resize.js";

const GAP = 1.5;  // Pillow's reducing_gap: very large photos are reduced by whole numbers first
const LEVELS = Float32Array.from({length: 256}, (_, level) => Math.fround(level / 127.5) - 1);

// The photo squashed into a square, in two steps if it is large.
export function square(photo, side) {
  const [fx, fy] = [photo.width, photo.height].map(size => Math.trunc(size / side / GAP) || 1);
  const smaller = fx > 1 || fy > 1 ? reduce(photo, fx, fy) : photo;
  return resize(smaller, side, side, undefined, [0, 0, photo.width / fx, photo.height / fy]);
}

// (side, side, 3) in [-1, 1], by way of the square from which training cuts its crops.
export function toInput(photo, {squareSide, inputSide}) {
  const {data} = resize(square(photo, squareSide), inputSide, inputSide);
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i += 1) values[i] = LEVELS[data[i]];
  return values;
}

// The mirror image of a map (height, width, channels), or of what the network takes in.
export function mirrored(values, width, channels) {
  const flipped = new Float32Array(values.length), row = width * channels;
  for (let start = 0; start < values.length; start += row) {
    for (let x = 0; x < width; x += 1) {
      const from = start + (width - 1 - x) * channels;
      for (let channel = 0; channel < channels; channel += 1) flipped[start + x * channels + channel] = values[from + channel];
    }
  }
  return flipped;
}
