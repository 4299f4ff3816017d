// Draws strokes as they look on the photo. What the network gets is drawn by the server.

// Pixels of a layer's longer side: layers of large photos are drawn smaller, of small ones larger.
const LONGEST = 2048;
const SHORTEST = 1024;
const NAMES = ["mask", "color", "sketch"];

export class Painter {
  #layers = {};
  #scratch = newContext();
  #photo = null;
  #factor = 1;
  #hatch = hatch();

  constructor() {
    for (const name of NAMES) this.#layers[name] = newContext();
  }

  setPhoto(photo) {
    this.#photo = photo;
    const longer = Math.max(photo.width, photo.height);
    this.#factor = Math.min(LONGEST, Math.max(SHORTEST, longer)) / longer;
    for (const context of [...Object.values(this.#layers), this.#scratch]) {
      context.canvas.width = Math.max(1, Math.round(photo.width * this.#factor));
      context.canvas.height = Math.max(1, Math.round(photo.height * this.#factor));
    }
  }

  redraw(strokes) {
    for (const name of NAMES) clear(this.#layers[name]);
    for (const stroke of strokes) this.draw(stroke);
  }

  // Draws a stroke from its point number `from` on, so that a growing one costs little.
  draw(stroke, from = 0) {
    const context = this.#layers[stroke.layer];
    const points = stroke.points.slice(Math.max(0, from - 1));
    context.save();
    context.scale(this.#factor, this.#factor);
    context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
    context.strokeStyle = { mask: "#eef1ff", sketch: "#14161c", color: stroke.color }[stroke.layer] ?? "#000";
    context.lineWidth = stroke.width;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    const [[x, y], ...others] = points;
    context.moveTo(x, y);
    context.lineTo(x + 0.01, y); // a line without length, a dot, would not be drawn
    for (const point of others) context.lineTo(...point);
    context.stroke();
    context.restore();
  }

  // Paints photo and layers into a context whose unit is a pixel of the photo.
  paint(context, shown) {
    const { width, height, bitmap } = this.#photo;
    const mask = this.#layers.mask.canvas;
    const scratch = this.#scratch;
    const show = (alpha) => {
      context.globalAlpha = alpha;
      context.drawImage(scratch.canvas, 0, 0, width, height);
      context.globalAlpha = 1;
    };
    context.drawImage(bitmap, 0, 0, width, height);
    if (shown.has("mask")) {
      clear(scratch);
      scratch.drawImage(mask, 0, 0);
      scratch.globalCompositeOperation = "source-atop";
      scratch.fillStyle = this.#hatch;
      const unit = scratch.canvas.width / 900;
      scratch.setTransform(unit, 0, 0, unit, 0, 0);
      scratch.fillRect(0, 0, 900, 900 * height / width);
      scratch.setTransform(1, 0, 0, 1, 0, 0);
      scratch.globalCompositeOperation = "source-over";
      show(0.8);
    }
    clear(scratch);
    for (const name of ["color", "sketch"]) {
      if (shown.has(name)) scratch.drawImage(this.#layers[name].canvas, 0, 0);
    }
    show(0.3); // outside the mask they do not count
    scratch.globalCompositeOperation = "destination-in";
    scratch.drawImage(mask, 0, 0);
    scratch.globalCompositeOperation = "source-over";
    show(1);
  }

  // The colour under a point, as "#rrggbb".
  colorAt([x, y]) {
    const context = newContext();
    context.drawImage(this.#photo.bitmap, -Math.floor(x), -Math.floor(y));
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return "#" + [red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("");
  }
}

function newContext() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  return canvas.getContext("2d");
}

function clear(context) {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

function hatch() {
  const context = newContext();
  context.canvas.width = context.canvas.height = 12;
  context.strokeStyle = "#8f9df5";
  context.lineWidth = 1.4;
  context.beginPath();
  for (const shift of [-12, 0, 12]) {
    context.moveTo(shift - 1, 13);
    context.lineTo(shift + 13, -1);
  }
  context.stroke();
  return context.createPattern(context.canvas, "repeat");
}
