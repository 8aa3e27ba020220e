// Makes pictures smaller and larger as Pillow does, number for number. The browser's own way is another one: with it 2
// of 101 photos got another answer. A picture is {data, width, height, channels}: one byte a value, row by row.

const FRACTION_BITS = 22;  // of Pillow's fixed-point weights

// Filters: how far they reach, in pixels of the larger picture, and how much a pixel at that distance counts.
export const BILINEAR = {reach: 1, weight: x => Math.max(0, 1 - Math.abs(x))};
export const BOX = {reach: 0.5, weight: x => Number(x > -0.5 && x <= 0.5)};
export const BICUBIC = {
  reach: 2,
  weight(x) {
    const a = -0.5, d = Math.abs(x);
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
  },
};

export const picture = (width, height, channels) =>
  ({data: new Uint8ClampedArray(width * height * channels), width, height, channels});

// The part `box` (left, top, right, bottom; they may be fractions) of a picture as another of this size.
export function resize(from, width, height, filter = BILINEAR, box = [0, 0, from.width, from.height]) {
  const [left, top, right, bottom] = box;
  const columns = weights(from.width, left, right, width, filter), rows = weights(from.height, top, bottom, height, filter);
  return down(across(from, columns), rows);
}

// For each new pixel of a line: which old pixels it is made of, and their weights, which sum to 1 << FRACTION_BITS.
function weights(size, start, end, newSize, filter) {
  const scale = (end - start) / newSize, stretch = Math.max(scale, 1), reach = filter.reach * stretch;
  return Array.from({length: newSize}, (_, place) => {
    const centre = start + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const after = Math.min(size, Math.trunc(centre + reach + 0.5));
    const parts = Array.from({length: after - first}, (_, i) => filter.weight((i + first - centre + 0.5) / stretch));
    const sum = parts.reduce((a, b) => a + b, 0);
    const fixed = parts.map(part => Math.trunc(part / sum * (1 << FRACTION_BITS) + Math.sign(part) * 0.5));
    return {first, fixed: Int32Array.from(fixed)};
  });
}

const HALF = 1 << (FRACTION_BITS - 1);  // sums are rounded, and clamped to a byte by the array they go into

function across(from, columns) {
  const n = from.channels, out = picture(columns.length, from.height, n), {data} = from;
  let to = 0;
  for (let y = 0; y < from.height; y += 1) {
    for (let x = 0; x < columns.length; x += 1) {
      const {first, fixed} = columns[x], start = (y * from.width + first) * n;
      for (let channel = 0; channel < n; channel += 1) {
        let sum = HALF;
        for (let i = 0, at = start + channel; i < fixed.length; i += 1, at += n) sum += data[at] * fixed[i];
        out.data[to++] = sum >> FRACTION_BITS;
      }
    }
  }
  return out;
}

function down(from, rows) {
  const out = picture(from.width, rows.length, from.channels), {data} = from, length = from.width * from.channels;
  let to = 0;
  for (let y = 0; y < rows.length; y += 1) {
    const {first, fixed} = rows[y];
    for (let x = 0; x < length; x += 1) {
      let sum = HALF;
      for (let i = 0, at = first * length + x; i < fixed.length; i += 1, at += length) sum += data[at] * fixed[i];
      out.data[to++] = sum >> FRACTION_BITS;
    }
  }
  return out;
}

// The mean of every `fx` x `fy` pixels; of what there is at the right and lower edge.
export function reduce(from, fx, fy) {
  const small = picture(Math.ceil(from.width / fx), Math.ceil(from.height / fy), from.channels);
  let to = 0;
  for (let top = 0; top < from.height; top += fy) {
    const bottom = Math.min(top + fy, from.height);
    for (let left = 0; left < from.width; left += fx) {
      const right = Math.min(left + fx, from.width), n = (bottom - top) * (right - left);
      const share = Math.trunc(Math.fround(2 ** 24 / n));  // as Pillow divides
      for (let channel = 0; channel < from.channels; channel += 1) {
        let sum = n >> 1;
        for (let y = top; y < bottom; y += 1) {
          for (let x = left; x < right; x += 1) sum += from.data[(y * from.width + x) * from.channels + channel];
        }
        small.data[to++] = Math.floor(sum * share / 2 ** 24);
      }
    }
  }
  return small;
}
