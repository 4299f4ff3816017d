// The page: one document with its history, and what the controls do to it.

import { getModel, pngBlob, post } from "./api.js";
import { paintEyes } from "./eyes.js";
import { download, listenForFiles } from "./files.js";
import { listen } from "./gestures.js";
import { drawByHand } from "./hand.js";
import { History } from "./history.js";
import { listenForKeys } from "./keys.js";
import { alertUser, dismissAlert, say, showBusy } from "./messages.js";
import { Painter } from "./painter.js";
import { Results } from "./results.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";
import { zip } from "./zip.js";

const LIVE_DELAY = 300; // ms
const element = (id) => document.getElementById(id);
const history = new History();
const painter = new Painter();
const shown = new Set(["mask", "sketch", "color"]);
let model = null;
let pointer = null;
let before = false; // the photo is shown in place of the result
let working = null; // AbortController
let saved = null; // the document that was saved last
let generated = null; // the document that the results are of
let liveTimer = null;
let frame = 0;

function repaint() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    paint();
  });
}

const view = new View(repaint);
const tools = new Tools(() => {
  element("edit-canvas").dataset.tool = tools.tool;
  repaint();
});
const results = new Results(update);

function paint() {
  const edit = element("edit-canvas").getContext("2d");
  const result = element("result-canvas").getContext("2d");
  view.begin(edit);
  view.begin(result);
  if (!history.current) return;
  painter.paint(edit, shown);
  if (lookAt() === "eyes") paintEyes(edit, history.current.eyes, view.scale);
  if (pointer && tools.tool !== "pick") drawCursor(edit);
  if (results.chosen) results.paint(result, view.scale, before);
}

function lookAt() {
  return element("crop").value;
}

// Marks an eye where the user is asked for one.
function markEye(at) {
  const doc = history.current;
  if (lookAt() !== "eyes" || doc.eyes.length > 1) return false;
  history.push({ ...doc, eyes: [...doc.eyes, at].sort(([x], [u]) => x - u) });
  update();
  askForEyes();
  return true;
}

function askForEyes() {
  if (!history.current || lookAt() !== "eyes") return;
  say(["Click one eye", "Click the other eye", "The network sees the square"][history.current.eyes.length]);
}

function drawCursor(context) {
  const [x, y] = view.toPhoto(pointer);
  context.beginPath();
  context.arc(x, y, Math.max(tools.size / 2, 2 / view.scale), 0, 2 * Math.PI);
  for (const [style, width] of [["#fff", 3], ["#000", 1.2]]) {
    context.strokeStyle = style;
    context.lineWidth = width / view.scale;
    context.stroke();
  }
}

// Brings every control in line with the document.
function update() {
  const doc = history.current;
  const used = new Set(doc?.strokes.map((stroke) => stroke.layer));
  const enable = (ids, on) => ids.forEach((id) => { element(id).disabled = !on; });
  enable(["save", "zoom-in", "zoom-out", "zoom-fit"], doc);
  enable(["undo"], history.canUndo);
  enable(["redo"], history.canRedo);
  enable(["suggest"], used.has("mask") && !working);
  enable(["generate", "dice"], canGenerate() && !working);
  enable(["export", "keep"], results.chosen);
  for (const button of document.querySelectorAll("#layers button[value]")) button.disabled = !used.has(button.value);
  element("welcome").hidden = Boolean(doc);
  element("stale").hidden = !results.chosen || generated === doc;
  element("photo-size").textContent = doc ? `${doc.photo.width} × ${doc.photo.height}` : "";
  repaint();
}

function canGenerate() {
  const doc = history.current;
  return doc?.strokes.some((stroke) => stroke.layer === "mask") && (lookAt() !== "eyes" || doc.eyes.length === 2);
}

function show(doc) {
  painter.setPhoto(doc.photo);
  painter.redraw(doc.strokes);
  update();
}

function change(strokes) {
  history.push({ ...history.current, strokes });
  painter.redraw(strokes);
  update();
  clearTimeout(liveTimer);
  if (element("live").checked) liveTimer = setTimeout(generate, LIVE_DELAY);
}

function step(direction) {
  history[direction]();
  if (history.current) show(history.current);
}

// On narrow windows one of the two boards is seen.
function showBoard(name) {
  document.querySelector(`#boards [value=${name}]`).checked = true;
  document.body.classList.toggle("showing-result", name === "result");
  repaint();
}

// Runs work that can be cancelled, one at a time.
async function attempt(text, work) {
  working?.abort();
  const mine = working = new AbortController();
  showBusy(text);
  say(text);
  dismissAlert();
  update();
  try {
    await work(mine.signal);
  } catch (error) {
    if (error.name === "AbortError") {
      if (working === mine) say("Cancelled");
    } else {
      alertUser(error.message);
      say("Failed");
    }
  }
  if (working !== mine) return;
  working = null;
  showBusy(null);
  update();
}

function drawingJson() {
  const { photo, strokes, eyes } = history.current;
  const size = { width: photo.width, height: photo.height };
  return JSON.stringify({ version: 1, ...size, seed: seed(), strokes, ...(eyes.length === 2 && { eyes: eyes.flat() }) });
}

function seed() {
  return Math.min(2 ** 32 - 1, Math.max(0, Math.round(Number(element("seed").value) || 0)));
}

function generate() {
  if (!canGenerate()) return;
  attempt("Generating…", async (signal) => {
    const doc = history.current;
    const parts = { image: doc.photo.blob, drawing: drawingJson(), num: element("num").value };
    if (lookAt() === "eyes") parts.eyes = doc.eyes.flat().join(",");
    else parts.crop = lookAt();
    const reply = await post("api/edit", parts, signal);
    generated = doc;
    await results.set(reply.images, doc);
    showBoard("result");
    const outside = reply.unchanged_outside ? "outside the mask unchanged ✓" : "PIXELS OUTSIDE THE MASK CHANGED";
    const erased = `${(100 * reply.erased).toPrecision(2)} % erased`;
    say([`${reply.milliseconds} ms`, `noise ${reply.seed}`, erased, outside, reply.warning].filter(Boolean).join(" · "));
  });
}

function suggest() {
  attempt("Looking for edges…", async (signal) => {
    const { photo, strokes } = history.current;
    const reply = await post("api/sketch", { image: photo.blob, drawing: drawingJson() }, signal);
    const suggested = reply.strokes.map((stroke) => ({ ...stroke, suggested: true }));
    change([...strokes.filter((stroke) => !stroke.suggested), ...suggested]);
    say(suggested.length ? `${suggested.length} lines suggested; rub out what you do not want` : "No edges found in the mask");
  });
}

function open(file) {
  if (history.current && saved !== history.current && !confirm("Open another file? Unsaved strokes are lost.")) return;
  if (model && file.size > model.limits.max_bytes) {
    alertUser(`${file.name} is larger than the ${model.limits.max_bytes >> 20} MiB that the server takes.`);
    return;
  }
  attempt("Opening…", async (signal) => {
    const { image, drawing } = await post("api/open", { file }, signal);
    const blob = pngBlob(image);
    const name = file.name.replace(/\.\w+$/, "") || "photo";
    const photo = { blob, bitmap: await createImageBitmap(blob), width: drawing.width, height: drawing.height, name };
    const [x, y, u, v] = drawing.eyes ?? [];
    history.reset({ photo, strokes: drawing.strokes, eyes: drawing.eyes ? [[x, y], [u, v]] : [] });
    element("crop").value = drawing.eyes ? "eyes" : "whole";
    saved = history.current;
    if (drawing.seed) element("seed").value = drawing.seed;
    results.clear();
    showBoard("photo");
    tools.setPhoto(photo.width, photo.height);
    show(history.current);
    view.setPhoto(photo.width, photo.height);
    say(drawing.strokes.length ? `Opened with ${drawing.strokes.length} strokes` : "Mark what is to change");
  });
}

async function save() {
  if (!history.current) return;
  const doc = history.current;
  const bytes = async (blob) => new Uint8Array(await blob.arrayBuffer());
  const files = { "photo.png": await bytes(doc.photo.blob), "strokes.json": new TextEncoder().encode(drawingJson()) };
  if (results.chosen) files["result.png"] = await bytes(results.chosen.blob);
  download(zip(files), `${doc.photo.name}-project.zip`);
  saved = doc;
  say("Project saved");
}

function exportPng() {
  if (!results.chosen) return;
  download(results.chosen.blob, `${history.current.photo.name}-edited.png`);
  say("PNG exported at the full size");
}

function keep() {
  const { blob, bitmap, width, height } = results.chosen;
  const photo = { blob, bitmap, width, height, name: history.current.photo.name };
  history.push({ ...history.current, photo, strokes: [] });
  show(history.current);
  showBoard("photo");
  say("The result is the photo now; Undo goes back");
}

function dice() {
  element("seed").value = Math.floor(Math.random() * 1e6);
  generate();
}

listen(element("edit-canvas"), view, drawByHand({
  view, tools, painter, repaint, history,
  done: (strokes) => change([...history.current.strokes, ...strokes]),
  taken: markEye,
  hover: (point) => { pointer = point; },
}));

const wipe = (point) => {
  if (results.chosen) results.wipeTo(view.toPhoto(point)[0] / results.chosen.width);
};
listen(element("result-canvas"), view, {
  begin: wipe, move: (points) => wipe(points.at(-1)), end() {}, cancel() {}, hover() {},
});

const actions = {
  undo: () => step("undo"), redo: () => step("redo"), generate, dice, save, export: exportPng, suggest, keep,
  open: () => element("file").click(), help: () => element("help-dialog").showModal(),
  cancel: () => working?.abort(), smaller: () => tools.grow(-1), larger: () => tools.grow(1),
  zoomIn: () => view.zoom(1.4), zoomOut: () => view.zoom(1 / 1.4), fit: () => view.fit(),
  before: (on) => { before = on; repaint(); },
};
for (const tool of ["mask", "sketch", "color", "pick", "erase"]) actions[tool] = () => tools.choose(tool);
for (const index of [0, 1, 2, 3]) actions[`choose${index}`] = () => results.choose(index);
for (const id of ["undo", "redo", "generate", "dice", "save", "export", "suggest", "keep", "help", "cancel"]) {
  element(id).addEventListener("click", actions[id]);
}
for (const [id, name] of [["zoom-in", "zoomIn"], ["zoom-out", "zoomOut"], ["zoom-fit", "fit"]]) {
  element(id).addEventListener("click", actions[name]);
}
element("crop").addEventListener("change", () => {
  if (lookAt() === "eyes" && history.current?.eyes.length) history.push({ ...history.current, eyes: [] });
  if (lookAt() === "eyes") showBoard("photo");
  update();
  askForEyes();
});
element("boards").addEventListener("change", ({ target }) => showBoard(target.value));
element("layers").addEventListener("change", ({ target }) => {
  shown[target.checked ? "add" : "delete"](target.value);
  repaint();
});
element("layers").addEventListener("click", ({ target }) => {
  const layer = target.closest("button[value]")?.value;
  if (layer) change(history.current.strokes.filter((stroke) => stroke.layer !== layer));
});
listenForKeys(actions);
listenForFiles(open);
window.addEventListener("beforeunload", (event) => {
  if (history.current && saved !== history.current) event.preventDefault();
});
const observer = new ResizeObserver((entries) => {
  const seen = entries.map((entry) => entry.target).find((stage) => stage.clientWidth > 0);
  if (!seen) return; // the other board is shown
  view.setStage(seen.clientWidth, seen.clientHeight);
  paint(); // at once: a canvas that waits for the next frame flickers
});
observer.observe(element("edit-stage"));
observer.observe(element("result-stage"));

try {
  model = await getModel();
  element("model").textContent = `${model.checkpoint} on ${model.device}`;
  for (const option of [...element("num").options]) option.disabled = Number(option.value) > model.limits.max_results;
  say("Ready");
} catch (error) {
  alertUser(error.message);
  say("Not connected");
}
update();
