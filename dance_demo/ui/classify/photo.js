// More ways to put a photo into the box: two large buttons on touch screens, Ctrl+V anywhere, an example dropped there.
// All of them go through the box's own upload, which shows how far it is and what went wrong.
const EXAMPLE = "application/x-example";
const inside = (node, selector) => node instanceof Element && node.closest(selector);

function put(photo) {
  const input = document.querySelector("#photo input[type=file]");
  if (!photo || !input) return;
  const files = new DataTransfer();
  files.items.add(photo);
  document.querySelector("#stage").dataset.waiting = "";  // for the answer, see SHOW_ANSWER
  input.files = files.files;
  input.dispatchEvent(new Event("change", {bubbles: true}));
}

for (const input of element.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    put(input.files[0]);
    input.value = "";  // the same photo again is a change, too
  });
}

document.addEventListener("paste", event => {
  const photo = [...event.clipboardData?.files ?? []].find(file => file.type.startsWith("image/"));
  // Where one writes, or collects photos to train on, it is meant for that.
  if (!photo || inside(event.target, "input, textarea") || document.querySelector("#train-panel")?.checkVisibility()) return;
  event.preventDefault();
  for (const tab of ["#name-panel-button", "#photo-panel-button"]) document.querySelector(tab)?.click();
  put(photo);
});

document.addEventListener("dragstart", event => {
  const example = inside(event.target, ".examples button");
  if (example) event.dataTransfer.setData(EXAMPLE, example.dataset.index);
});

// Before the box sees it, which would look for a file.
for (const kind of ["dragenter", "dragover", "drop"]) {
  document.addEventListener(kind, event => {
    if (!inside(event.target, "#photo") || !event.dataTransfer.types.includes(EXAMPLE)) return;
    event.preventDefault();
    event.stopPropagation();
    const number = kind === "drop" && event.dataTransfer.getData(EXAMPLE);
    if (number) document.querySelector(`.examples button[data-index="${number}"]`)?.click();
  }, {capture: true});
}
