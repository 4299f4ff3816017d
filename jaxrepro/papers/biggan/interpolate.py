"""Draws images along paths between latent vectors, between classes, or both.

python -m jaxrepro.papers.biggan.interpolate --model=runs/biggan_digits --path=class \
    --classes=3,8,5 --rows=8 --midpoints=8 --output=paths.png
"""

import os
import pathlib

import numpy as np
from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.sampling import sampling_flags

# Vectors whose sine of the angle is below this are joined by a line.
_STRAIGHT = 1e-4


def linear_path(first: np.ndarray, last: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the points (1 - w) first + w last, float32 [N, T, D].

    first, last: [N, D]. weights: [T], 0 at the first and 1 at the last.
    """
    weights = np.asarray(weights, np.float64)[:, None]
    return ((1 - weights) * first[:, None] + weights * last[:, None]).astype(np.float32)


def spherical_path(first: np.ndarray, last: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the points (sin((1 - w) a) first + sin(w a) last) / sin a, float32 [N, T, D].

    a is the angle between both. In high dimensions normal vectors lie near a sphere, whose inside
    a line crosses; this stays near it (White, arXiv 1609.04468, section 2.1). Parallel and
    opposite vectors have no arc of their own and are joined by a line.
    """
    first, last = np.asarray(first, np.float64), np.asarray(last, np.float64)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(last, axis=1)
    cosine = np.sum(first * last, axis=1) / np.where(norms > 0, norms, 1)
    angle = np.arccos(np.clip(cosine, -1, 1))[:, None, None]
    weights = np.asarray(weights, np.float64)[:, None]
    straight = (np.sin(angle) < _STRAIGHT) | (norms == 0)[:, None, None]
    sine = np.where(straight, 1.0, np.sin(angle))
    near = np.where(straight, 1 - weights, np.sin((1 - weights) * angle) / sine)
    far = np.where(straight, weights, np.sin(weights * angle) / sine)
    return (near * first[:, None] + far * last[:, None]).astype(np.float32)


PATHS = {
    "z": "between two latent vectors, of one class",
    "class": "between the class vectors of two classes, of one latent vector",
    "both": "between two latent vectors and two classes",
}
_SHEET = ".png"
_ANIMATIONS = (".gif", ".webp")


def define_flags() -> None:
    """Defines the command's flags."""
    sampling_flags.define_generator_flags()
    sampling_flags.define_sampling_flags()
    flags.DEFINE_string("path", "both", "; ".join(f"{k}: {v}" for k, v in PATHS.items()) + ".")
    flags.DEFINE_boolean("spherical", False, "Join latent vectors by an arc, not by a line.")
    flags.DEFINE_list(
        "classes",
        None,
        "Numbers, names or parts of names. Row i has the i-th class or, where classes change, goes "
        "from the i-th to the next; they are taken in turn. Drawn at random by default.",
    )
    flags.DEFINE_integer("rows", 8, "Number of paths.")
    flags.DEFINE_integer("midpoints", 8, "Images between the two ends of a path.")
    flags.DEFINE_float("frames_per_second", 12.0, "Of an animation.")
    flags.DEFINE_string(
        "output",
        None,
        "FILE.png: a sheet, a row a path. FILE.gif or FILE.webp: an animation of all paths side "
        "by side, there and back.",
    )


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    given = sampling_flags.given_generator(args, output="paths.png")
    cli.check_at_least(1, args, "rows", "midpoints", "batch_size")
    output = pathlib.Path(args.output)
    if output.suffix not in (_SHEET, *_ANIMATIONS):
        raise InputError(f"--output={output}: its name must end in .png, .gif or .webp")
    if args.path not in PATHS:
        raise InputError(f"--path={args.path}; choose among {', '.join(PATHS)}")
    if args.spherical and args.path == "class":
        raise InputError("--spherical is for latent vectors, and --path=class keeps one")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.files.whole_files import write_png
    from jaxrepro.draw.sheet import row_sheet
    from jaxrepro.papers.biggan.trained import load_generator

    generator = load_generator(**given)
    mode = sampling_flags.truncation_mode(args)
    _, statistics = generator.variables_at(mode, args.truncation)
    ends = class_ends(
        args.classes, generator.class_names, args.rows, args.seed, change=args.path != "z"
    )
    images = interpolate(
        generator,
        ends,
        args.midpoints,
        args.seed,
        change_z=args.path != "class",
        spherical=args.spherical,
        mode=mode,
        threshold=args.truncation,
        batch_size=args.batch_size,
    )
    if output.suffix == _SHEET:
        names = generator.class_names
        texts = [names[a] if a == b else f"{names[a]} to {names[b]}" for a, b in ends]
        write_png(output, row_sheet(images.reshape(-1, *images.shape[2:]), texts))
    else:
        write_frames(output, images, args.frames_per_second)
    print(f"{args.rows} paths of {images.shape[1]} images, {generator.origin}, in {output}")
    if args.truncation is not None:
        print(f"truncation {args.truncation:g}, mode {mode}; {statistics}")


def class_ends(
    given: list[str] | None, class_names: tuple[str, ...], rows: int, seed: int, *, change: bool
) -> list[tuple[int, int]]:
    """Returns each row's first and last class; they are one unless `change`.

    given: as in `parse_classes`; None draws the classes, different ones where there are several.
    """
    from jaxrepro.papers.biggan.sampling.class_choice import parse_classes

    if given:
        classes = parse_classes(given, class_names)
        if change and len(classes) < 2:
            raise InputError(
                f"--classes={','.join(given)}: a path between classes needs two or more"
            )
        following = 1 if change else 0
        return [
            (classes[i % len(classes)], classes[(i + following) % len(classes)])
            for i in range(rows)
        ]
    rng = np.random.default_rng(seed)
    first = rng.integers(len(class_names), size=rows)
    others = max(len(class_names) - 1, 1)
    steps = 1 + rng.integers(others, size=rows) if change else np.zeros(rows, int)
    return [(int(a), int((a + b) % len(class_names))) for a, b in zip(first, steps, strict=True)]


def interpolate(
    generator,
    ends: list[tuple[int, int]],
    midpoints: int,
    seed: int,
    *,
    change_z: bool,
    spherical: bool = False,
    mode: str = "none",
    threshold: float | None = None,
    batch_size: int = 50,
):
    """Returns images along paths, uint8 [rows, 2 + midpoints, H, W, C].

    generator: a `TrainedGenerator`. ends: of each row, the first and the last class; class vectors
    are joined by lines. Row i starts at the latent vector of sample i, and ends there unless
    `change_z`, or else at that of sample rows + i; both truncated by `mode` and `threshold`, as
    `truncation` says. A line stays within the bounds of a truncation, an arc may not.
    """
    from jaxrepro.papers.biggan.sampling.sampler import Sampler

    variables, _ = generator.variables_at(mode, threshold)
    sampler = Sampler(generator, batch_size)
    rows = len(ends)
    weights = np.linspace(0, 1, 2 + midpoints)
    z = sampler.latents(2 * rows, seed, mode=mode, threshold=threshold)
    join = spherical_path if spherical else linear_path
    z = join(z[:rows], z[rows:] if change_z else z[:rows], weights)
    first, last = (sampler.embed(np.asarray(labels)) for labels in zip(*ends, strict=True))
    embedding = linear_path(first, last, weights)
    z, embedding = (x.reshape(-1, x.shape[-1]) for x in (z, embedding))
    images = sampler.synthesize(z, embedding, variables)
    return images.reshape(rows, 2 + midpoints, *images.shape[1:])


def write_frames(output: str | os.PathLike[str], images, frames_per_second: float) -> None:
    """Writes paths, uint8 [rows, T, H, W, C], as an animation that goes there and back."""
    import math

    from jaxrepro.draw.animation import there_and_back, write_animation
    from jaxrepro.draw.sheet import sheet

    columns = math.ceil(math.sqrt(len(images)))
    frames = np.stack([sheet(frame, columns) for frame in images.swapaxes(0, 1)])
    write_animation(
        pathlib.Path(output), there_and_back(frames), frames_per_second=frames_per_second
    )


if __name__ == "__main__":
    cli.run(define_flags, main)
