// Keys. Actions are named as in main.js; a key that does nothing is left to the browser.

const PLAIN = {
  m: "mask", s: "sketch", c: "color", i: "pick", e: "erase", "[": "smaller", "]": "larger", r: "dice",
  "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", "0": "fit", "?": "help", Escape: "cancel",
  1: "choose0", 2: "choose1", 3: "choose2", 4: "choose3",
};
const WITH_CONTROL = { z: "undo", y: "redo", Z: "redo", Enter: "generate", o: "open", s: "save", e: "export" };

export function listenForKeys(actions) {
  window.addEventListener("keydown", (event) => {
    if (event.altKey || document.querySelector("dialog[open]")) return;
    const control = event.ctrlKey || event.metaKey;
    if (!control && event.target.matches("input[type=number], select")) return;
    const key = event.key.length > 1 || control ? event.key : event.key.toLowerCase();
    const action = (control ? WITH_CONTROL : PLAIN)[key];
    if (action && actions[action]) {
      event.preventDefault();
      actions[action]();
    } else if (key === "b" && !control) actions.before(true);
  });
  window.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "b") actions.before(false); });
}
