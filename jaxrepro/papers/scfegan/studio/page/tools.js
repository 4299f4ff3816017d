// The chosen tool, the size of each brush, the colour, and their controls.

// Smallest, usual and largest size in pixels of a photo whose longer side is 512.
const SIZES = { mask: [4, 36, 160], sketch: [1, 1, 8], color: [1, 6, 48], erase: [1, 20, 160] };
const COLORS = {
  "#1c1512": "black", "#4a2f20": "dark brown", "#7b4b2a": "brown", "#b98045": "dark blond",
  "#e3c07a": "blond", "#a8452a": "red brown", "#8d5a3c": "dark skin", "#c98f6b": "medium skin",
  "#f0c8a8": "light skin", "#c2565c": "lips", "#8c1f35": "dark lips", "#4f7ba6": "blue",
  "#5d7d4f": "green", "#8a8f98": "grey", "#ffffff": "white",
};

export class Tools {
  tool = "mask";
  color = "#7b4b2a";
  eraseLayer = "mask";
  #sizes = {};
  #unit = 1;
  #changed = () => {};
  #element = (id) => document.getElementById(id);

  constructor(changed) {
    for (const [tool, [, usual]] of Object.entries(SIZES)) this.#sizes[tool] = usual;
    this.#element("tools").addEventListener("change", (event) => this.choose(event.target.value));
    this.#element("size").addEventListener("input", (event) => this.#resize(Number(event.target.value)));
    this.#element("erase-layer").addEventListener("change", (event) => { this.eraseLayer = event.target.value; });
    this.#buildPalette();
    this.choose("mask");
    this.#changed = changed;
  }

  // Sizes follow the photo, so that a brush covers the same part of a face in any.
  setPhoto(width, height) {
    this.#unit = Math.max(1, Math.max(width, height) / 512);
    this.#show();
  }

  get size() { return Math.max(1, Math.round((this.#sizes[this.tool] ?? 1) * this.#unit)); }

  choose(tool) {
    this.tool = tool;
    if (["mask", "sketch", "color"].includes(tool)) this.eraseLayer = tool;
    document.querySelector(`#tools [value=${tool}]`).checked = true;
    this.#show();
  }

  setColor(color) {
    this.color = color;
    const swatch = document.querySelector(`#swatches [value="${color}"]`);
    const own = this.#element("own-color");
    if (swatch) swatch.checked = true;
    else {
      document.querySelectorAll("#swatches :checked").forEach((each) => { each.checked = false; });
      own.value = color;
    }
    own.parentElement.classList.toggle("chosen", !swatch);
    this.#changed();
  }

  grow(steps) {
    const [low, , high] = SIZES[this.tool] ?? SIZES.mask;
    const size = this.#sizes[this.tool];
    if (size) this.#resize(Math.min(high, Math.max(low, size + steps * Math.max(1, Math.round(size / 8)))));
  }

  // A stroke of the chosen tool that begins here.
  stroke(point, pressure) {
    const layer = this.tool === "erase" ? this.eraseLayer : this.tool;
    const stroke = { layer, width: Math.max(1, this.size * pressure), points: [point] };
    if (this.tool === "erase") stroke.erase = true;
    else if (layer === "color") stroke.color = this.color;
    return stroke;
  }

  #resize(size) {
    this.#sizes[this.tool] = size;
    this.#show();
  }

  #show() {
    const [min, , max] = SIZES[this.tool] ?? SIZES.mask;
    const slider = this.#element("size");
    Object.assign(slider, { min, max, value: this.#sizes[this.tool] ?? min });
    slider.parentElement.hidden = this.tool === "pick";
    this.#element("size-text").textContent = `${this.size} px`;
    this.#element("palette").hidden = !["color", "pick"].includes(this.tool);
    this.#element("erase-from").hidden = this.tool !== "erase";
    this.#element("erase-layer").value = this.eraseLayer;
    this.#changed();
  }

  #buildPalette() {
    const box = this.#element("swatches");
    for (const [color, name] of Object.entries(COLORS)) {
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "color", value: color });
      input.setAttribute("aria-label", name);
      input.checked = color === this.color;
      label.title = name;
      label.style.backgroundColor = color;
      label.append(input);
      box.append(label);
    }
    const own = document.createElement("label");
    own.className = "own";
    own.title = "Another colour";
    const input = Object.assign(document.createElement("input"), { type: "color", id: "own-color", value: this.color });
    input.setAttribute("aria-label", "Another colour");
    own.append(input);
    box.append(own);
    box.addEventListener("input", (event) => {
      if (this.tool === "pick") this.choose("color");
      this.setColor(event.target.value);
    });
  }
}
