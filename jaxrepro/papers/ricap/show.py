"""Draws what RICAP makes of your pictures, with the four parts and their shares.

  python -m jaxrepro.papers.ricap.show photos --num=16 --beta=0.3 --seed=0 --output=sheet.png

PICTURES is a folder, whose pictures and those in folders below it are taken in the order of their
names, or photos:train, free pictures that come with the package. Their middle squares are brought
to one size and patched as a batch is in training. Below each stand, where the parts are, their
shares of the label and the numbers of the pictures that they are from.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError

_LINE, _INK, _PAPER = (255, 255, 255), (0, 0, 0), (255, 255, 255)
_MARGIN, _TEXT = 3, 18


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_argument("pictures", "Folder of pictures, or photos:train.")
    flags.DEFINE_string("output", None, "FILE.png: the sheet.")
    flags.DEFINE_integer("num", 16, "Pictures to draw.", lower_bound=1)
    flags.DEFINE_integer("size", 160, "Pixels a side of each.", lower_bound=32)
    cli.define_seed("Of the draws.")
    flags.DEFINE_float("beta", 0.3, "Of the distribution of the point; 1 is anywhere alike.")
    flags.DEFINE_enum("scope", "batch", ("batch", "example"), "Who shares one point.")


def main(args: flags.FlagValues) -> None:
    """Draws the sheet."""
    for name in ("pictures", "output"):
        if args[name].value is None:
            raise InputError(f"no {name} given; write PICTURES --output=sheet.png, and see --help")
    output = cli.given_path(args.output)
    if output.suffix.lower() != ".png":
        raise InputError(f"--output={args.output}: the sheet is a .png")

    from jaxrepro.core.files.whole_files import write_png
    from jaxrepro.core.machine import runtime

    runtime.set_up()

    import jax
    import jax.numpy as jnp

    from jaxrepro.augment.ricap import ricap
    from jaxrepro.draw.sheet import sheet

    images = jnp.asarray(_read(args.pictures, args.num, args.size))
    labels = jnp.arange(len(images))
    key = jax.random.key(args.seed)
    patched = jax.device_get(ricap(key, images, labels, args.beta, args.scope))
    drawn = draw_parts(*patched)
    write_png(output, sheet(drawn, columns=min(4, len(drawn)), scale=1))
    print(f"{len(drawn)} pictures patched, in {args.output}")


def _read(pictures: str, num: int, size: int):
    import numpy as np

    from jaxrepro.core.files.places import local_path
    from jaxrepro.data.sets.pictures import open_pictures
    from jaxrepro.data.transforms import square_transform

    found = open_pictures(f"folder:{pictures}" if local_path(pictures).is_dir() else pictures)
    prepare = square_transform(size, channels=3).prepare
    read = [found.read(i) for i in range(min(num, len(found)))]
    squares = [prepare({"image": x if x.shape[2] == 3 else x.repeat(3, axis=2)}) for x in read]
    return np.stack([item["image"] for item in squares])


def draw_parts(images, labels, shares):
    """Returns the images with lines between their parts, and below each the parts' shares in place.

    images: uint8 [B, S, S, 3] -> [B, S + 36, S, 3]. labels: int [4, B], numbers of pictures;
    shares: float [4] or [4, B].
    """
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(12)
    shares = np.broadcast_to(shares if shares.ndim > 1 else shares[:, None], labels.shape)
    drawn = []
    for pixels, numbers, parts in zip(images, labels.T, shares.T, strict=True):
        size = len(pixels)
        picture = Image.new("RGB", (size, size + 2 * _TEXT), _PAPER)
        picture.paste(Image.fromarray(pixels))
        pen = ImageDraw.Draw(picture)
        rows, columns = (round(size * float(parts[0] + parts[k])) for k in (2, 1))
        if 0 < rows < size:
            pen.line(((0, rows), (size - 1, rows)), fill=_LINE)
        if 0 < columns < size:
            pen.line(((columns, 0), (columns, size - 1)), fill=_LINE)
        for k, (number, share) in enumerate(zip(numbers, parts, strict=True)):
            if share > 0:
                place = (_MARGIN + size // 2 * (k // 2), size + _TEXT * (k % 2))
                pen.text(place, f"{100 * share:.0f} % of {number}", fill=_INK, font=font)
        drawn.append(np.asarray(picture))
    return np.stack(drawn)


if __name__ == "__main__":
    cli.run(define_flags, main)
