// From a feature map to probabilities, and back to the places that speak for a class: dance_demo/model/head.py and
// gradcam.py, where the formulas are explained. A map is {data, height, width, channels}.

const SMALLEST_ROOT = 1e-6, ROUNDING = 1e-6;

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const length = vector => Math.max(Math.sqrt(dot(vector, vector)), SMALLEST_ROOT);

// A matrix (rows, columns) is {data, shape}. vector (rows,) -> (columns,)
function times(vector, {data, shape: [, columns]}) {
  const out = new Float64Array(columns);
  vector.forEach((value, row) => {
    if (value) for (let column = 0; column < columns; column += 1) out[column] += value * data[row * columns + column];
  });
  return out;
}

// matrix (rows, columns), vector (columns,) -> (rows,)
function timesColumn({data, shape: [rows, columns]}, vector) {
  return Float64Array.from({length: rows}, (_, row) => dot(vector, data.subarray(row * columns, (row + 1) * columns)));
}

// The mean of each channel.
export function pool({data, channels}) {
  const sums = new Float64Array(channels), places = data.length / channels;
  data.forEach((value, i) => { sums[i % channels] += value; });
  return sums.map(sum => sum / places);
}

export function powerNormalized(pooled) {
  const roots = pooled.map(value => Math.sqrt(Math.max(value, 0))), size = length(roots);
  return roots.map(root => root / size);
}

export function softmax(logits, temperature) {
  const largest = Math.max(...logits);
  const shares = logits.map(logit => Math.exp((logit - largest) / temperature));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map(share => share / sum);
}

// head: {weight, bias, hiddenWeight, hiddenBias, temperature, powerNormalized}
export function probabilities(head, pooled) {
  let features = head.powerNormalized ? powerNormalized(pooled) : pooled;
  if (head.hiddenWeight) features = hidden(head, features).map(value => Math.max(value, 0));
  return softmax(times(features, head.weight).map((logit, i) => logit + head.bias.data[i]), head.temperature);
}

const hidden = (head, features) => times(features, head.hiddenWeight).map((value, i) => value + head.hiddenBias.data[i]);

// How fast a class's logit grows with each pooled channel.
function channelWeights(head, pooled, index) {
  if (!head.powerNormalized) return slope(head, pooled, index);
  const roots = pooled.map(value => Math.sqrt(Math.max(value, 0))), size = length(roots);
  const direction = roots.map(root => root / size), column = slope(head, direction, index);
  const along = dot(column, direction);
  return roots.map((root, i) => root > SMALLEST_ROOT ? (column[i] - along * direction[i]) / size / (2 * root) : 0);
}

function slope(head, features, index) {
  const [rows, columns] = head.weight.shape;
  const column = Float64Array.from({length: rows}, (_, row) => head.weight.data[row * columns + index]);
  if (!head.hiddenWeight) return column;
  const active = hidden(head, features);
  return timesColumn(head.hiddenWeight, column.map((value, unit) => active[unit] > 0 ? value : 0));
}

// Grad-CAM: where the map speaks for a class, (height, width) in [0, 1]; zeros if it does nowhere.
export function heatmap(map, head, index) {
  const towards = channelWeights(head, pool(map), index), {channels} = map;
  const evidence = new Float32Array(map.height * map.width);
  let noise = 0;
  evidence.forEach((_, place) => {
    let sum = 0, size = 0;
    for (let channel = 0; channel < channels; channel += 1) {
      const part = map.data[place * channels + channel] * towards[channel];
      sum += part;
      size += Math.abs(part);
    }
    evidence[place] = Math.max(sum, 0);
    noise = Math.max(noise, ROUNDING * size);
  });
  const most = Math.max(...evidence);
  return most <= noise ? evidence.fill(0) : evidence.map(value => value / most);
}
