// What an export says of its model. Python writes it (dance_demo/export/model_data.py): plain numbers, and arrays of
// little-endian float32 as base64.

export function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function readModel(json) {
  const read = ({shape, data}) => ({shape, data: new Float32Array(bytesOf(data).buffer)});
  const arrays = part => Object.fromEntries(
    Object.entries(part).map(([name, value]) => [name, value?.shape ? read(value) : value]));
  const familiarity = arrays(json.familiarity);
  familiarity.maxDistance ??= Infinity;  // JSON has none
  return {...json, head: arrays(json.head), familiarity};
}

export async function unzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The numbers of a network lie in four planes, first all lowest bytes, and so on: so they pack a tenth smaller.
export function joined(planes, size) {
  const bytes = new Uint8Array(planes.length), n = planes.length / 4;
  for (let plane = 0; plane < 4; plane += 1) {
    for (let i = 0, at = plane; i < n; i += 1, at += 4) bytes[at] = planes[plane * n + i];
  }
  return bytes.subarray(0, size);
}
