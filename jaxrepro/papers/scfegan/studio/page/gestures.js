// Mouse, pen and touch on a canvas: one pointer draws, two fingers or Space move and zoom.

const WHEEL = 0.0016;

// calls: begin(point, event), move(points), end(), cancel(), hover(point or null), all in pixels
// of the canvas.
export function listen(canvas, view, calls) {
  const fingers = new Map();
  let drawing = null; // the id of the pointer that draws
  let panning = null;
  let spaceHeld = false;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const stop = (how) => {
    if (drawing !== null) calls[how]();
    drawing = null;
  };

  canvas.addEventListener("pointerdown", (event) => {
    const point = place(event);
    capture(canvas, event.pointerId);
    fingers.set(event.pointerId, point);
    if (event.pointerType === "touch" && fingers.size > 1) return stop("cancel");
    if (event.button === 1 || spaceHeld) {
      event.preventDefault();
      panning = event.pointerId;
    } else if (event.button === 0 && event.isPrimary) {
      drawing = event.pointerId;
      calls.begin(point, event);
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    const point = place(event);
    const before = fingers.get(event.pointerId);
    if (event.pointerType !== "touch") calls.hover(point);
    if (!before) return;
    if (event.pointerType === "touch" && fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const middle = [0, 1].map((axis) => (before[axis] + other[axis]) / 2);
      view.zoom(distance(point, other) / Math.max(1, distance(before, other)), middle);
      view.pan((point[0] - before[0]) / 2, (point[1] - before[1]) / 2);
    } else if (event.pointerId === panning) {
      view.pan(point[0] - before[0], point[1] - before[1]);
    } else if (event.pointerId === drawing) {
      const events = event.getCoalescedEvents?.() ?? [];
      calls.move((events.length ? events : [event]).map(place), event);
    }
    fingers.set(event.pointerId, point);
  });

  const lift = (how) => (event) => {
    fingers.delete(event.pointerId);
    if (event.pointerId === panning) panning = null;
    if (event.pointerId === drawing) stop(how);
  };
  canvas.addEventListener("pointerup", lift("end"));
  canvas.addEventListener("pointercancel", lift("cancel"));
  canvas.addEventListener("pointerleave", () => calls.hover(null));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom(Math.exp(-event.deltaY * WHEEL * (event.ctrlKey ? 5 : 1)), place(event));
  }, { passive: false });

  window.addEventListener("keydown", (event) => {
    if (event.code !== "Space" || event.target.closest("button, input, select, dialog[open]")) return;
    event.preventDefault();
    spaceHeld = true;
    canvas.classList.add("grab");
  });
  window.addEventListener("keyup", (event) => {
    if (event.code !== "Space") return;
    spaceHeld = false;
    canvas.classList.remove("grab");
  });
}

function capture(canvas, id) {
  // A pointer may be gone by the time of its event.
  try { canvas.setPointerCapture(id); } catch { return; }
}

function distance([x, y], [u, v]) {
  return Math.hypot(x - u, y - v);
}
