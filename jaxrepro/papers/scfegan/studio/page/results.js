// The results of one edit: which is chosen, and the wipe between it and the photo.

import { pngBlob } from "./api.js";

const THUMBNAIL = 128; // pixels

export class Results {
  #list = [];
  #chosen = 0;
  #photo = null;
  #square = null; // what thumbnails show of the results
  #changed;
  #choices = document.getElementById("choices");
  #wipe = document.getElementById("wipe");

  constructor(changed) {
    this.#changed = changed;
    this.#choices.addEventListener("change", (event) => this.choose(Number(event.target.value)));
    this.#wipe.addEventListener("input", changed);
  }

  get chosen() { return this.#list[this.#chosen] ?? null; }

  clear() {
    this.#list = [];
    this.#show();
  }

  // images: base64 PNGs. document: what they were made of.
  async set(images, document) {
    const { width, height } = document.photo;
    const decoded = await Promise.all(images.map(async (text) => {
      const blob = pngBlob(text);
      return { blob, bitmap: await createImageBitmap(blob), width, height };
    }));
    this.#list = decoded;
    this.#photo = document.photo;
    this.#square = aroundMask(document);
    this.#chosen = 0;
    this.#wipe.value = 0;
    this.#show();
  }

  choose(index) {
    if (index < 0 || index >= this.#list.length) return;
    this.#chosen = index;
    const radio = this.#choices.querySelector(`[value="${index}"]`);
    if (radio) radio.checked = true;
    this.#changed();
  }

  // Shows the photo on the left, over this share of the width, 0 to 1.
  wipeTo(share) {
    this.#wipe.value = Math.round(100 * Math.min(1, Math.max(0, share)));
    this.#changed();
  }

  // whole: the photo alone.
  paint(context, scale, whole) {
    const { bitmap, width, height } = this.chosen;
    const edge = whole ? width : width * this.#wipe.value / 100;
    context.drawImage(bitmap, 0, 0, width, height);
    if (edge === 0) return;
    context.save();
    context.beginPath();
    context.rect(0, 0, edge, height);
    context.clip();
    context.drawImage(this.#photo.bitmap, 0, 0, width, height);
    context.restore();
    if (edge >= width) return;
    context.fillStyle = "#0008";
    context.fillRect(edge - 2 / scale, 0, 4 / scale, height);
    context.fillStyle = "#fff";
    context.fillRect(edge - 1 / scale, 0, 2 / scale, height);
  }

  #show() {
    const some = this.#list.length > 0;
    this.#choices.querySelectorAll("label").forEach((label) => label.remove());
    this.#choices.hidden = this.#list.length < 2;
    document.getElementById("result-empty").hidden = some;
    document.getElementById("compare").hidden = !some;
    document.getElementById("keep").hidden = !some;
    for (const [index, { bitmap }] of this.#list.entries()) {
      const label = document.createElement("label");
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: "result", value: index });
      radio.checked = index === this.#chosen;
      radio.setAttribute("aria-label", `Result ${index + 1}`);
      const thumbnail = Object.assign(document.createElement("canvas"), { width: THUMBNAIL, height: THUMBNAIL });
      thumbnail.getContext("2d").drawImage(bitmap, ...this.#square, 0, 0, THUMBNAIL, THUMBNAIL);
      label.append(radio, thumbnail);
      this.#choices.append(label);
    }
    this.#changed();
  }
}

// The square [x, y, side, side] of the photo around what the mask's strokes cover.
function aroundMask({ photo, strokes }) {
  const ends = [[Infinity, -Infinity], [Infinity, -Infinity]];
  for (const { layer, erase, points, width } of strokes) {
    if (layer !== "mask" || erase) continue;
    for (const point of points) {
      for (const axis of [0, 1]) {
        ends[axis][0] = Math.min(ends[axis][0], point[axis] - width);
        ends[axis][1] = Math.max(ends[axis][1], point[axis] + width);
      }
    }
  }
  const side = Math.min(photo.width, photo.height, Math.max(...ends.map(([low, high]) => high - low)));
  const begin = (axis, length) =>
    Math.max(0, Math.min(length - side, (ends[axis][0] + ends[axis][1] - side) / 2));
  return [begin(0, photo.width), begin(1, photo.height), side, side];
}
