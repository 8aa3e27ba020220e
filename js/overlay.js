// The colours of a heatmap, as dance_demo/model/heatmap/overlay.py lays them over a photo.

import {BICUBIC, resize} from "./resize.js";

// heat (rows x columns in [0, 1]) -> RGBA of the size; palette: 256 colours, 3 bytes each
export function coloured(heat, {rows, columns}, {width, height}, {palette, opacity}) {
  const data = Uint8ClampedArray.from(heat, value => value * 255);
  const levels = resize({data, width: columns, height: rows, channels: 1}, width, height, BICUBIC).data;
  const pixels = new Uint8ClampedArray(4 * levels.length);
  levels.forEach((level, i) => {
    pixels.set(palette.subarray(3 * level, 3 * level + 3), 4 * i);
    pixels[4 * i + 3] = opacity * level;
  });
  return pixels;
}
