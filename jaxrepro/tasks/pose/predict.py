"""The verb `predict` of a pose paper: finds people's joints, draws them and writes them down."""

import time
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags
from jaxrepro.tasks.pose.inference import inference_flags

if TYPE_CHECKING:
    from jaxrepro.tasks.pose.inference.pictures import PeoplePictures, PictureOfPeople
    from jaxrepro.tasks.pose.inference.searches import JointFinder
    from jaxrepro.tasks.pose.inference.trained_pose import Load, TrainedPose


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_arguments("inputs", "Pictures, folders, patterns in quotes.")
    flags.DEFINE_string("output", None, "Folder for what is drawn and written.")
    network_flags.define_network(average=True)
    flags.DEFINE_multi_string("box", [], "A person: x,y,width,height. May be given several times.")
    flags.DEFINE_string("boxes", None, "JSON file with the boxes of each picture.")
    inference_flags.define_people_flags()
    inference_flags.define_search_flags(("seeded", "averaged"))
    flags.DEFINE_bool("overwrite", False, "Replace outputs that exist (inputs never).")
    flags.DEFINE_bool("skip_existing", False, "Do only pictures whose outputs do not exist.")


def main(args: flags.FlagValues, load: "Load") -> None:
    """Finds people in the pictures that the flags name. load: reads the paper's networks."""
    given = _check(args)
    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.data.formats.picture_jobs import raise_failures
    from jaxrepro.tasks.pose.inference.pictures import annotated_pictures, own_pictures

    existing = "replace" if args.overwrite else "skip" if args.skip_existing else "refuse"
    trained, finder, decoding = _finder(load, given, args)
    if args.people is None:
        found = own_pictures(
            args.inputs,
            args.output,
            boxes=args.box,
            boxes_file=cli.given_path(args.boxes) if args.boxes else None,
            padding=trained.padding_for(""),
            existing=existing,
        )
    else:
        found = annotated_pictures(
            args.inputs,
            args.output,
            people=args.people,
            split=args.split,
            images=args.images,
            padding=trained.padding_for(args.people),
            existing=existing,
        )
    _report(found)
    settings = {
        "network": {
            "origin": trained.origin,
            "weights": trained.weights,
            "num_stacks": trained.module.num_stacks,
            "joint_set": trained.joint_set.name,
        },
        "decoding": decoding,
    }
    try:
        failures = _draw_all(found, trained, finder, settings)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(
            "what is written is whole; with --skip_existing the command goes on"
        ) from error
    raise_failures(failures, len(found.pictures))


def _check(args: flags.FlagValues) -> dict[str, Any]:
    """Returns the arguments of `load`; raises InputError for flags that do not fit."""
    network = network_flags.given_network(args, "runs/hourglass")
    inference_flags.check_flags(args)
    if args.output is None:
        raise InputError("no output given; name a folder, such as --output=poses")
    if not args.inputs and args.people is None:
        raise InputError("no picture given; write PICTURE --output=poses, and see --help")
    given = [
        f"--{name}" for name in ("box", "boxes", "people") if args[name].value not in (None, [])
    ]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} given; people are taken from one of them only")
    if args.people is None and (args.split != "all" or args.images):
        raise InputError("--split and --images are of --people; give that too")
    if args.overwrite and args.skip_existing:
        raise InputError("--overwrite and --skip_existing contradict each other; give one")
    return network


def _finder(
    load: "Load", network: dict[str, Any], args: flags.FlagValues
) -> tuple["TrainedPose", "JointFinder", dict[str, Any]]:
    """Returns the network, what finds joints with it, and the settings of that as JSON."""
    from jaxrepro.metrics.pose.pose_search import SIX_SCALES
    from jaxrepro.tasks.pose.inference.searches import JointFinder, Search

    trained = load(**network).decoded_as(args.decode)
    if args.flip:
        trained.joint_set.check_mirrored("--flip", "leave out --flip")
    search = Search(args.flip, SIX_SCALES) if args.scales else Search(args.flip)
    settings = {
        "stacks": args.stacks,
        "flip": args.flip,
        "shift": args.shift,
        "windows": args.windows,
        "num_draws": args.num_draws,
    }
    predictor = trained.predictor(**settings)
    described = {
        **settings,
        "stacks": args.stacks or trained.module.num_stacks,
        "scales": list(search.zooms),
        # The search over scales takes the middle of the highest pixel.
        "decode": "highest pixel" if args.scales else trained.decode_style,
        "size": trained.size,
        "mean": trained.mean,
    }
    return trained, JointFinder(predictor, trained.variables, trained.size, search), described


def _report(found: "PeoplePictures") -> None:
    for note in found.notes:
        print(note)
    if found.done:
        print(f"{found.done} pictures are done already")
    if found.left_out:
        from jaxrepro.data.formats.other_files import counts_text

        print(f"left out, no pictures of a known kind: {counts_text(found.left_out)}")


def _draw_all(
    found: "PeoplePictures", trained: "TrainedPose", finder: "JointFinder", settings: dict[str, Any]
) -> list[InputError]:
    """Returns the errors of the pictures that could not be done."""
    failures = []
    total = len(found.pictures)
    for number, picture in enumerate(found.pictures, start=1):
        start = time.perf_counter()
        try:
            count = _draw(picture, trained, finder, settings)
        except InputError as error:
            failures.append(error)
            print(f"{number}/{total}  failed: {error}")
            continue
        seconds = time.perf_counter() - start
        people = "1 person" if count == 1 else f"{count} people"
        print(f"{number}/{total}  {picture.name} -> {picture.target}  {people}  {seconds:.1f} s")
    return failures


def _draw(
    picture: "PictureOfPeople",
    trained: "TrainedPose",
    finder: "JointFinder",
    settings: dict[str, Any],
) -> int:
    """Writes the drawing and the numbers of one picture; returns the number of people."""
    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.files.whole_files import write_png
    from jaxrepro.draw.skeleton_drawing import Skeleton, draw_skeletons

    try:
        image = picture.read()
        height, width = image.shape[:2]
        boxes = picture.boxes(width, height)
        people, skeletons = [], []
        for place in boxes:
            found = finder(image, place.center, place.scale)
            marks = zip(found.points.tolist(), found.confidences.tolist(), strict=True)
            joints = {
                name: {"x": x, "y": y, "confidence": confidence}
                for name, ((x, y), confidence) in zip(trained.joint_set.joints, marks, strict=True)
            }
            people.append(
                {
                    "box": list(place.box),
                    "box_source": place.source,
                    "square": list(place.square),
                    "joints": joints,
                }
            )
            shown = None if place.source == "whole picture" else place.box
            skeletons.append(Skeleton(found.points, found.confidences, shown))
        drawn = draw_skeletons(image, skeletons, trained.joint_set)
    except MemoryError as error:
        raise InputError(f"{picture.name}: not enough memory for it") from error
    write_png(picture.target, drawn)
    # Last: what has both files is done.
    write_strict_json(
        picture.target.with_suffix(".json"),
        {"image": picture.name, "width": width, "height": height, "people": people, **settings},
    )
    return len(people)
