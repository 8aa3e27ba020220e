// "Save picture": photo, heatmap and name as they are shown, drawn here in the browser. Nothing is sent anywhere.
const SHAPES = {wide: [1200, 630], square: [1080, 1080]};
const GROUND = "#fbf8f3", INK = "#2f2823", QUIET = "#675b4f", ACCENT = "#ad3a2a";
const MARGIN = 44, GAP = 16;
const said = element.querySelector("[role=status]");
const shownText = selector => document.querySelector(selector)?.innerText.trim() ?? "";
const family = selector => getComputedStyle(document.querySelector(selector)).fontFamily;

async function pictures() {
  const found = ["#before img", "#overlay img"].map(selector => document.querySelector(selector));
  await Promise.all(found.map(image => image.decode()));
  return found;
}

// Both pictures beside or above each other, whichever shows them larger: [x, y, width, height] of each.
function places(area, ratio) {
  const [left, top, width, height] = area;
  const ways = [[(width - GAP) / 2, height, 1, 0], [width, (height - GAP) / 2, 0, 1]].map(([w, h, across, down]) => {
    const [wide, high] = w / h > ratio ? [h * ratio, h] : [w, w / ratio];
    const x = left + (width - wide - across * (wide + GAP)) / 2, y = top + (height - high - down * (high + GAP)) / 2;
    return [0, 1].map(place => [x + place * across * (wide + GAP), y + place * down * (high + GAP), wide, high]);
  });
  return ways.sort((a, b) => b[0][2] - a[0][2])[0];
}

// Draws lines of a text that are at most so wide, and returns where the next one begins.
function write(pen, text, {x, y, width, size, font, colour, weight = 400, most = 6}) {
  pen.font = `${weight} ${size}px ${font}`;
  pen.fillStyle = colour;
  const lines = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  if (lines.length > most) lines.splice(most - 1, Infinity, `${lines[most - 1]} …`);
  for (const line of lines) {
    y += size * 1.3;
    pen.fillText(line, x, y - size * 0.3, width);
  }
  return y;
}

async function draw(shape) {
  const [width, height] = SHAPES[shape], wide = shape === "wide";
  const canvas = Object.assign(document.createElement("canvas"), {width, height}), pen = canvas.getContext("2d");
  const shown = await pictures();
  pen.fillStyle = GROUND;
  pen.fillRect(0, 0, width, height);
  const area = wide ? [MARGIN, MARGIN, 724, height - 2 * MARGIN] : [MARGIN, MARGIN, width - 2 * MARGIN, 690];
  places(area, shown[0].naturalWidth / shown[0].naturalHeight).forEach((place, number) => pen.drawImage(shown[number], ...place));

  const column = wide ? {x: 804, width: width - 804 - MARGIN} : {x: MARGIN, width: width - 2 * MARGIN};
  const serif = family("#headline h2"), plain = family("#headline p");
  let y = wide ? MARGIN : 752;
  const put = (text, style) => y = text ? write(pen, text, {...column, y, font: plain, colour: INK, ...style}) : y;
  put(shownText("#headline .kicker"), {size: 24, weight: 700, colour: ACCENT});
  put(shownText("#headline h2"), {size: 46, weight: 700, font: serif, most: 3});
  y += 10;
  if (document.querySelector("#headline .unsure")) put(shownText("#headline .rest"), {size: 22, most: wide ? 5 : 2});
  put(shownText("#caption"), {size: 22, colour: QUIET, most: wide ? 6 : 2});
  y = height - MARGIN - 30;
  put(document.title, {size: 22, weight: 700, colour: ACCENT});
  const blob = await new Promise(done => canvas.toBlob(done, "image/jpeg", 0.92));
  const name = shownText("#headline .form-name").toLowerCase() || "picture";
  return new File([blob], `${name.replace(/[^\p{L}\p{N}]+/gu, "-")}.jpg`, {type: "image/jpeg"});
}

function save(file) {
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(file), download: file.name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const probe = new File([""], "a.jpg", {type: "image/jpeg"});
element.querySelector("[data-do=share]").hidden = !navigator.canShare?.({files: [probe]});

element.addEventListener("click", async event => {
  const button = event.target.closest("button");
  if (!button) return;
  said.textContent = "";
  try {
    if (button.dataset.do === "share") await navigator.share({files: [await draw("square")], title: document.title});
    else save(await draw(button.dataset.shape));
  } catch (error) {
    if (error.name !== "AbortError") said.textContent = "The picture could not be made. Choose the photo again.";
  }
});
