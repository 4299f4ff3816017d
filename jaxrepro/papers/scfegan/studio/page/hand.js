// Turns the moves of a pointer into strokes, or picks a colour.

const NEAR = 0.5; // pixels of the photo: closer points say nothing new
const SAME_WIDTH = 0.15; // a pen's pressure changes a stroke's width in steps of this share

// Returns the calls that gestures.js makes. done: takes the strokes of a finished movement.
// taken: whether a point is wanted for something else.
export function drawByHand({ view, tools, painter, repaint, history, done, taken, hover }) {
  let growing = []; // the strokes of the pointer that is down

  return {
    begin(point, event) {
      if (!history.current) return;
      const at = rounded(view.toPhoto(point));
      if (taken(at)) return;
      if (tools.tool === "pick") {
        tools.setColor(painter.colorAt(at));
        tools.choose("color");
        return;
      }
      growing = [tools.stroke(at, pressure(event))];
      painter.draw(growing[0]);
      repaint();
    },

    move(points, event) {
      if (!growing.length) return;
      for (const point of points.map((each) => rounded(view.toPhoto(each)))) {
        let stroke = growing.at(-1);
        const last = stroke.points.at(-1);
        if (Math.hypot(point[0] - last[0], point[1] - last[1]) < NEAR) continue;
        const width = Math.max(1, tools.size * pressure(event));
        if (Math.abs(width - stroke.width) > SAME_WIDTH * stroke.width) {
          stroke = { ...stroke, width, points: [last] };
          growing.push(stroke);
        }
        stroke.points.push(point);
        painter.draw(stroke, stroke.points.length - 1);
      }
      repaint();
    },

    end() {
      const strokes = growing;
      growing = [];
      if (strokes.length) done(strokes);
    },

    cancel() {
      growing = [];
      if (history.current) painter.redraw(history.current.strokes);
      repaint();
    },

    hover(point) {
      hover(point);
      repaint();
    },
  };
}

function rounded(point) {
  return point.map((value) => Math.round(Math.max(-32768, Math.min(32768, value)) * 100) / 100);
}

function pressure(event) {
  return event.pointerType === "pen" && event.pressure > 0 ? 0.4 + 1.2 * event.pressure : 1;
}
