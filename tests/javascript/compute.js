// Computes with the source in js/ what Python has computed: `node compute.js VECTORS`. Prints one JSON object.
import {readFile} from "node:fs/promises";
import {distance, doubt, knownBy} from "../../js/familiarity.js";
import {heatmap, pool, probabilities} from "../../js/head.js";
import {joined, readModel, unzipped} from "../../js/model.js";
import {coloured} from "../../js/overlay.js";
import {toInput} from "../../js/preprocessing.js";
import {BICUBIC, BILINEAR, reduce, resize} from "../../js/resize.js";

const vectors = JSON.parse(await readFile(process.argv[2], "utf8"));
const bytes = base64 => new Uint8Array(Buffer.from(base64, "base64"));
const floats = base64 => new Float32Array(bytes(base64).buffer);
const base64 = values => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
const photo = ({data, ...size}) => ({data: bytes(data), ...size});

const heads = vectors.heads.map(({model: json, map: {data, ...shape}, inner}) => {
  const model = readModel(json), map = {data: floats(data), ...shape}, pooled = pool(map);
  const shares = probabilities(model.head, pooled);
  const far = distance(model.familiarity, knownBy(model.familiarity, floats(inner), pooled));
  return {
    probabilities: [...shares],
    distance: far,
    doubt: doubt(model.familiarity, Number(far <= model.familiarity.maxDistance), shares),
    heatmaps: model.classes.map((_, index) => [...heatmap(map, model.head, index)]),
  };
});

console.log(JSON.stringify({
  resized: vectors.resized.map(({photo: from, width, height, cubic, box}) =>
    base64(resize(photo(from), width, height, cubic ? BICUBIC : BILINEAR, box).data)),
  reduced: vectors.reduced.map(({photo: from, fx, fy}) => base64(reduce(photo(from), fx, fy).data)),
  inputs: vectors.inputs.map(({photo: from, sides}) => base64(toInput(photo(from), sides))),
  overlays: vectors.overlays.map(({heat, shape, size, style}) =>
    base64(coloured(heat, shape, size, {...style, palette: bytes(style.palette)}))),
  network: base64(joined(await unzipped(bytes(vectors.network.packed)), vectors.network.size)),
  heads,
}));
