// A file that somebody chose becomes one upright photo on white paper: dance_demo/files/photo.py in the browser.

import {picture, reduce, resize} from "./resize.js";

const STRIP_PIXELS = 1e6;

// A photo that cannot be used; its message is a sentence for whoever chose it.
export class PhotoError extends Error {}

// -> {data, width, height, channels: 3}, its longer side at most `limits.displaySide`
export async function openPhoto(file, limits) {
  if (file.size > limits.fileBytes) throw new PhotoError("This file is too large. Save the photo smaller.");
  await check(file, limits);
  const bitmap = await createImageBitmap(file, {colorSpaceConversion: "none"}).catch(() => { throw unreadable(); });
  try {
    return shrunk(bitmap, limits.displaySide, await isJpeg(file));
  } finally {
    bitmap.close();
  }
}

// The pixels of something that can be drawn, as `openPhoto` gives them.
export function shrunk(source, longest, jpeg = false) {
  const scale = Math.min(1, longest / Math.max(source.width, source.height));
  const [width, height] = [source.width, source.height].map(size => Math.max(1, round(size * scale)));
  const factor = reduction(source, width, height, jpeg);
  const small = reducedStrips(source, factor);
  if (small.width === width && small.height === height) return small;
  return resize(small, width, height, undefined, [0, 0, source.width / factor, source.height / factor]);
}

// The size is asked before a pixel is unpacked: a picture made to exhaust the memory is refused.
async function check(file, {pixels, minSide, maxAspect}) {
  const image = new Image(), url = URL.createObjectURL(file);
  try {
    await new Promise((done, fail) => Object.assign(image, {onload: done, onerror: fail, src: url}));
  } catch {
    throw unreadable();
  } finally {
    URL.revokeObjectURL(url);
  }
  const {naturalWidth: width, naturalHeight: height} = image, found = `${width} x ${height} pixels`;
  image.src = "";
  if (width * height > pixels) {
    throw new PhotoError(`${found} is too large; the limit is ${pixels / 1e6} megapixels. Save the photo smaller.`);
  }
  if (Math.min(width, height) < minSide) throw new PhotoError(`${found} is too small. Choose another photo.`);
  if (Math.max(width, height) > maxAspect * Math.min(width, height)) {
    throw new PhotoError(`${found} is too narrow; the limit is ${maxAspect}:1. Crop it to what matters.`);
  }
}

const unreadable = () => new PhotoError("This browser cannot read the photo. It may be damaged: choose a JPEG, PNG or WebP.");

async function isJpeg(file) {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return first === 0xff && second === 0xd8;
}

// Whole numbers first: Pillow decodes a large JPEG at a half, a quarter or an eighth, and halves the rest.
function reduction({width, height}, newWidth, newHeight, jpeg) {
  const room = Math.min(Math.floor(width / newWidth), Math.floor(height / newHeight));
  const draft = jpeg ? [8, 4, 2, 1].find(size => size <= Math.max(room, 1)) : 1;
  const rest = Math.min(Math.floor(Math.ceil(width / draft) / newWidth), Math.floor(Math.ceil(height / draft) / newHeight));
  return draft * Math.max(1, Math.floor(rest / 2));
}

// Strip by strip, so that a large photo is not there twice.
function reducedStrips(source, factor) {
  const rows = Math.max(1, Math.floor(STRIP_PIXELS / source.width / factor)) * factor;
  const small = picture(Math.ceil(source.width / factor), Math.ceil(source.height / factor), 3);
  const canvas = new OffscreenCanvas(source.width, Math.min(rows, source.height));
  const context = canvas.getContext("2d", {willReadFrequently: true, alpha: false});
  for (let top = 0; top < source.height; top += rows) {
    const height = Math.min(rows, source.height - top);
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(source, 0, -top);
    const strip = rgb(context.getImageData(0, 0, source.width, height));
    small.data.set(reduce(strip, factor, factor).data, (top / factor) * small.width * 3);
  }
  return small;
}

// RGBA, as a canvas gives it, without its transparency.
export function rgb({data, width, height}) {
  const out = picture(width, height, 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    out.data[to++] = data[from];
    out.data[to++] = data[from + 1];
    out.data[to++] = data[from + 2];
  }
  return out;
}

// Python rounds a half to the even number.
function round(value) {
  return Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}
