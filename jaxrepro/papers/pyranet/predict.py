"""Finds the joints of people in your pictures, draws them and writes them down.

  python -m jaxrepro.papers.pyranet.predict photo.jpg --model=runs/lspet --output=poses
  python -m jaxrepro.papers.pyranet.predict photos --model=hg_s2_b1.npz --boxes=boxes.json \
      --output=poses
  python -m jaxrepro.papers.pyranet.predict "figure 3" --people=figures --split=test \
      --model=runs/demo --output=poses

Inputs are pictures, folders and quoted patterns such as 'photos/**/*.jpg'; PNG, JPEG, WebP, TIFF
and BMP are read and turned as their EXIF orientation says. The network finds one person in a
square: of the box --box=x,y,width,height, in pixels of every picture, several times for several
people; of those in --boxes=FILE.json, {"photo.jpg": [[x, y, width, height], ...]}; of the people of
a data set, --people, where the inputs name its pictures (all without inputs); else of the whole
picture.

For photo.jpg, --output=DIR gets photo.png, with skeletons and a legend, and photo.json: boxes, and
by name of the joint x, y in pixels of the upright picture (the first pixel covers 0 to 1) and the
confidence, the highest value of the joint's map. Where no value is positive x and y are null.

Pictures that cannot be done are listed at the end, the rest is done, and the exit status is 1.
"""

from absl import flags

from jaxrepro.core import cli
from jaxrepro.tasks.pose import predict as verb

define_flags = verb.define_flags


def main(args: flags.FlagValues) -> None:
    """Finds people in the pictures that the flags name."""

    # Here, so that --help does not wait for JAX.
    def load(**network):
        from jaxrepro.papers.pyranet.trained import load_trained

        return load_trained(**network)

    verb.main(args, load)


if __name__ == "__main__":
    cli.run(define_flags, main)
