// Where the photo lies on a stage: one scale and one place, shared by both canvases.

const CLOSEST = 32; // screen pixels to a pixel of the photo

export class View {
  scale = 1;
  #x = 0;
  #y = 0;
  #photo = { width: 1, height: 1 };
  #stage = { width: 1, height: 1 };
  #fitted = true;
  #changed;

  constructor(changed) { this.#changed = changed; }

  setPhoto(width, height) {
    this.#photo = { width, height };
    this.fit();
  }

  setStage(width, height) {
    const { width: before, height: high } = this.#stage;
    this.#stage = { width, height };
    if (this.#fitted) this.fit();
    else this.pan((width - before) / 2, (height - high) / 2);
  }

  get #fitScale() {
    return Math.min(this.#stage.width / this.#photo.width, this.#stage.height / this.#photo.height);
  }

  fit() {
    this.scale = this.#fitScale;
    this.#x = (this.#stage.width - this.#photo.width * this.scale) / 2;
    this.#y = (this.#stage.height - this.#photo.height * this.scale) / 2;
    this.#fitted = true;
    this.#changed();
  }

  // Zooms about a point of the stage, by default its middle.
  zoom(factor, [x, y] = [this.#stage.width / 2, this.#stage.height / 2]) {
    const scale = Math.max(this.#fitScale, Math.min(CLOSEST, this.scale * factor));
    if (scale === this.#fitScale) return this.fit();
    this.#x = x - (x - this.#x) * scale / this.scale;
    this.#y = y - (y - this.#y) * scale / this.scale;
    this.scale = scale;
    this.#fitted = false;
    this.pan(0, 0);
  }

  pan(dx, dy) {
    const held = (place, length, room) => {
      const spare = room - length * this.scale;
      return spare > 0 ? spare / 2 : Math.min(0, Math.max(spare, place));
    };
    this.#x = held(this.#x + dx, this.#photo.width, this.#stage.width);
    this.#y = held(this.#y + dy, this.#photo.height, this.#stage.height);
    this.#changed();
  }

  // Clears a canvas and makes the photo's pixel the unit of what is drawn on it.
  begin(context) {
    const { canvas } = context;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const scale = ratio * this.scale;
    context.setTransform(scale, 0, 0, scale, ratio * this.#x, ratio * this.#y);
    context.imageSmoothingEnabled = this.scale * ratio < 3;
    context.imageSmoothingQuality = "high";
  }

  toPhoto([x, y]) {
    return [(x - this.#x) / this.scale, (y - this.#y) / this.scale];
  }
}
