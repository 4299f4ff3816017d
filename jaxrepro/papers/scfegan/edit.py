r"""Edits faces: completes what a mask erases, after a sketch and colours.

  python -m jaxrepro.papers.scfegan.edit --model=exports/scfegan_128 --image=face.jpg \
      --mask=mask.png --sketch=sketch.png --color=color.png --seed=0 --num=4 --output=edited.png

MASK is white where the picture is erased, SKETCH white on its lines; if they have alpha that is not
the same all over, what is opaque counts instead. COLOR gives a colour where it is opaque. All are
as large as the picture. The line of each picture says how much of it is erased. IMAGE may be a
folder; then the others are files for all of its pictures, or folders with files of the same names,
and OUTPUT is a folder.

Pictures may have any size. The generator sees a square of them, at its own size; its result is
resized back and put into the hole. Pixels outside of the mask stay as they are, byte for byte, so
results are written as PNG, TIFF, WebP (lossless) or BMP. Alpha, colour profile and EXIF data are
kept; of 16 bits, the hole gets 8.
"""

import time
from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags

if TYPE_CHECKING:
    from jaxrepro.papers.scfegan.inference.crops import Box
    from jaxrepro.papers.scfegan.inference.edit_files import EditJob
    from jaxrepro.papers.scfegan.inference.editing import Editor


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(average=True)
    flags.DEFINE_string("image", None, "Picture, or folder of pictures.")
    flags.DEFINE_string("mask", None, "What is erased: a picture, or a folder of pictures.")
    flags.DEFINE_string("sketch", None, "Lines to follow; none by default.")
    flags.DEFINE_string("color", None, "Colours to follow; none by default.")
    flags.DEFINE_string("output", None, "File for one picture, or a folder.")
    cli.define_seed("Of the noise.")
    flags.DEFINE_integer("num", 1, "Results for each picture; their names end in _1, _2, ...")
    flags.DEFINE_string(
        "crop",
        "whole",
        "What the generator sees. whole: the largest square that holds the mask, all of a square "
        "picture. mask: a square around the mask. LEFT,TOP,SIDE: that square, in pixels.",
    )
    flags.DEFINE_list(
        "eyes",
        None,
        "Instead of --crop, X,Y,X,Y of the eyes on the left and right of the picture: the square "
        "in which they lie as in the aligned faces that the network was trained on.",
    )
    flags.DEFINE_bool("overwrite", False, "Replace outputs that exist (inputs never).")
    flags.DEFINE_float(
        "max_megapixels",
        None,
        "Larger inputs are refused as decompression bombs; by default Pillow's 89.5.",
        lower_bound=0,
    )


def main(args: flags.FlagValues) -> None:
    """Edits the pictures that the flags name."""
    for name in ("image", "mask", "output"):
        if args[name].value is None:
            raise InputError(f"no --{name} given; give --image, --mask and --output, see --help")
    given = network_flags.given_network(args, "runs/scfegan_128")
    cli.check_at_least(1, args, "num")
    crop = _crop(args.crop, args.eyes)

    from jaxrepro.data.formats.picture_jobs import raise_failures
    from jaxrepro.papers.scfegan.inference.edit_files import find_edits

    image, mask, output = map(cli.given_path, (args.image, args.mask, args.output))
    sketch, color = (
        None if name is None else cli.given_path(name) for name in (args.sketch, args.color)
    )
    jobs = find_edits(image, mask, sketch, color, output, num=args.num, overwrite=args.overwrite)

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.papers.scfegan.inference.editing import Editor
    from jaxrepro.papers.scfegan.trained import load_trained

    editor = Editor(load_trained(**given))
    failures = []
    for index, job in enumerate(jobs):
        try:
            line = _edit(job, editor, crop, args)
        except InputError as error:
            failures.append(error)
            line = f"failed: {error}"
        print(f"{index + 1}/{len(jobs)}  {line}")
    raise_failures(failures, len(jobs))


def _crop(crop: str, eyes: list[str] | None) -> "str | Box":
    """Returns what --crop and --eyes stand for."""
    from jaxrepro.papers.scfegan.inference.crops import CROPS, Box, eyes_box

    if eyes is not None:
        if crop != "whole":
            raise InputError(f"--eyes and --crop={crop} given; give one of them")
        numbers = _numbers(eyes, 4, "--eyes", "X,Y,X,Y")
        return eyes_box((numbers[0], numbers[1], numbers[2], numbers[3]))
    if crop in CROPS:
        return crop
    left, top, side = _numbers(crop.split(","), 3, "--crop", "whole, mask or LEFT,TOP,SIDE")
    if side < 1 or not all(x.is_integer() for x in (left, top, side)):
        raise InputError(f"--crop={crop}: LEFT,TOP,SIDE are whole pixels, and SIDE is 1 or more")
    return Box(int(top), int(left), int(side), int(side))


def _numbers(words: list[str], count: int, flag: str, allowed: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(abs(x) < 1e6 for x in numbers):
        raise InputError(f"{flag}={','.join(words)}; it must be {allowed}")
    return numbers


def _edit(job: "EditJob", editor: "Editor", crop: "str | Box", args: flags.FlagValues) -> str:
    """Writes the results of one picture; returns a line on them."""
    from jaxrepro.data.formats.picture_files import write_picture
    from jaxrepro.papers.scfegan.inference import edit_files
    from jaxrepro.papers.scfegan.inference.mark_pictures import (
        eight_bits,
        erased_text,
        mask_warning,
    )

    start = time.perf_counter()
    limit = None if args.max_megapixels is None else round(args.max_megapixels * 1e6)
    picture = edit_files.read_image(job.image, limit)
    mask = edit_files.read_marks(job.mask, picture.color)
    if not mask.any():
        raise InputError(f"{job.mask} erases nothing: it is white (or opaque) nowhere")
    sketch = None if job.sketch is None else edit_files.read_marks(job.sketch, picture.color)
    color, strokes = (
        (None, None) if job.color is None else edit_files.read_colors(job.color, picture.color)
    )
    box = editor.box(mask, crop)
    results = editor.edit(
        eight_bits(picture.color),
        mask,
        sketch,
        color,
        strokes,
        seed=args.seed,
        num=args.num,
        crop=box,
    )
    for target, result in zip(job.targets, results, strict=True):
        write_picture(target, edit_files.with_result(picture, result, mask))
    more = "" if len(job.targets) == 1 else f" ... {job.targets[-1]}"
    seconds = time.perf_counter() - start
    warning = mask_warning(mask)
    return (
        f"{job.image} -> {job.targets[0]}{more}  {erased_text(mask)}  saw {box}  {seconds:.1f} s"
        + (f"\nwarning: {job.mask}: {warning}" if warning else "")
    )


if __name__ == "__main__":
    cli.run(define_flags, main)
