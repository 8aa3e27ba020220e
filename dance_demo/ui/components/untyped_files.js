/* Browsers that do not know the ending of a file give it no type (HEIC on Windows), and a box for photos then refuses
   it. The server looks at the bytes of whatever it gets, so such a file goes there as a picture. */
const photoEndings = ENDINGS;
const isUntyped = file =>
  (!file.type || file.type === "application/octet-stream") && !file.name.toLowerCase().endsWith(".zip");
const forPhotos = input => input?.type === "file" && input.accept.includes("image/");

function typed(files) {
  const all = [...files];
  if (!all.some(isUntyped)) return null;
  const data = new DataTransfer();
  for (const file of all)
    data.items.add(isUntyped(file) ? new File([file], file.name, {type: "image/x-unknown"}) : file);
  return data;
}

function boxAround(element) {
  for (let around = element; around; around = around.parentElement) {
    const input = around.querySelector?.(":scope > input[type=file]");
    if (input) return input;
  }
}

document.addEventListener("click", event => {  // what the window to choose a file offers
  if (forPhotos(event.target) && !event.target.accept.includes(photoEndings[0]))
    event.target.accept = [event.target.accept, ...photoEndings].join(", ");
}, true);

document.addEventListener("change", event => {
  const data = forPhotos(event.target) && typed(event.target.files);
  if (data) event.target.files = data.files;
}, true);

document.addEventListener("drop", event => {
  const data = forPhotos(boxAround(event.target)) && typed(event.dataTransfer.files);
  if (!data) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  event.target.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data}));
}, true);
