// What the user is told: the status line, the alert, and the work under way.

const element = (id) => document.getElementById(id);
let timer = null;

export function say(text) {
  element("status").textContent = text;
}

export function alertUser(text) {
  element("alert").hidden = false;
  element("alert").firstElementChild.textContent = text;
}

export function dismissAlert() {
  element("alert").hidden = true;
}

// Shows what is being done and for how long; null when it is done.
export function showBusy(text) {
  clearInterval(timer);
  element("busy").hidden = text === null;
  document.body.classList.toggle("working", text !== null);
  if (text === null) return;
  element("busy-text").textContent = text;
  const begin = performance.now();
  const tick = () => {
    const seconds = Math.floor((performance.now() - begin) / 1000);
    element("busy-time").textContent = seconds < 2 ? "" : `${seconds} s`;
  };
  tick();
  timer = setInterval(tick, 1000);
}

element("alert").lastElementChild.addEventListener("click", dismissAlert);
