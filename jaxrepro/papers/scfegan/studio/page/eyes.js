// Where a face lies: the square in which two marked eyes are as in the faces of the training.

const ROW = 239 / 512;
const COLUMNS = [190 / 512, 319 / 512];

export function paintEyes(context, eyes, scale) {
  const line = (width, style) => {
    context.lineWidth = width / scale;
    context.strokeStyle = style;
    context.stroke();
  };
  for (const [x, y] of eyes) {
    context.beginPath();
    context.arc(x, y, 7 / scale, 0, 2 * Math.PI);
    line(4, "#fff");
    line(2, "#3a4bd8");
  }
  if (eyes.length < 2) return;
  const [[x, y], [u, v]] = eyes;
  const side = (u - x) / (COLUMNS[1] - COLUMNS[0]);
  context.beginPath();
  context.rect(x - COLUMNS[0] * side, (y + v) / 2 - ROW * side, side, side);
  line(3, "#fff");
  context.setLineDash([8 / scale, 8 / scale]);
  line(3, "#3a4bd8");
  context.setLineDash([]);
}
