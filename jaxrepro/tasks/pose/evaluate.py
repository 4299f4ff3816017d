"""The verb `evaluate` of a pose paper: measures a network in every convention."""

import pathlib
from typing import TYPE_CHECKING, Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.inference import network_flags
from jaxrepro.tasks.pose.inference import inference_flags

if TYPE_CHECKING:
    import numpy as np

    from jaxrepro.tasks.pose.inference.trained_pose import Load, TrainedPose
    from jaxrepro.tasks.pose.people import PoseData

_EXPORTS = (".mat", ".json", ".csv")
_SCORES = "scores.json"
_WORST = "worst_people.png"


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(average=True)
    inference_flags.define_people_flags()
    flags.DEFINE_string("validation_list", None, "For mpii:FILE.mat: who is not for training.")
    flags.DEFINE_string("train_people", None, "People for the baselines; --people by default.")
    flags.DEFINE_string("train_split", None, "Who of them, such as 1-1000; none: no baselines.")
    inference_flags.define_search_flags(("resampled", "seeded", "averaged"))
    flags.DEFINE_integer("size", None, "Side of a crop in pixels; the network's own by default.")
    flags.DEFINE_enum("mean", None, ("none", "mpii", "lsp"), "Colour to subtract; its own.")
    flags.DEFINE_enum(
        "padding", None, ("mpii", "lsp", "joint_box"), "Room around a person; the network's own."
    )
    flags.DEFINE_integer("batch_size", 8, "People of one pass.", lower_bound=1)
    flags.DEFINE_integer("worst", 12, "People in worst_people.png.", lower_bound=1)
    flags.DEFINE_string("output", None, "Folder for scores.json and worst_people.png.")
    flags.DEFINE_list("export", [], "Files for the joints, .mat, .json or .csv.")
    flags.DEFINE_string("release", None, "For .mat: mpii_human_pose_v1_u12_1.mat.")


def main(args: flags.FlagValues, load: "Load") -> None:
    """Runs the command. load: reads the paper's networks."""
    network = network_flags.given_network(args, "runs/hourglass")
    inference_flags.check_flags(args)
    if args.people is None and (args.split != "all" or args.images or args.train_split):
        raise InputError("--split, --images and --train_split are of --people; give that too")
    if args.train_people is not None and args.train_split is None:
        raise InputError("--train_people given without --train_split; give it, such as all")
    exports = [cli.given_path(name) for name in args.export]
    _check_exports(exports, args)

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.files.whole_files import write_png
    from jaxrepro.core.run import run_record
    from jaxrepro.tasks.pose.measures.accuracy import unmeasured
    from jaxrepro.tasks.pose.measures.measured import measure_poses
    from jaxrepro.tasks.pose.measures.people_gallery import people_gallery
    from jaxrepro.tasks.pose.measures.score_table import tables_text

    trained = _changed(load(**network), args)
    if args.flip:
        trained.joint_set.check_mirrored("--flip", "leave out --flip")
    run = trained.run if args.people is None else None
    if args.people is None and run is None:
        raise InputError("no people given; for example --people=lspet:DIR --split=1001-1250")
    data_set = None if run is None else run_people(run)
    people, train = _people(args, trained, data_set)
    _check_exports_of(exports, people.spec)
    if run is None:
        for note in people.notes:
            print(note)
    measured = measure_poses(
        trained,
        people,
        train,
        flip=args.flip,
        scales=args.scales,
        batch_size=args.batch_size,
        choices={
            "shift": args.shift,
            "stacks": args.stacks,
            "windows": args.windows,
            "num_draws": args.num_draws,
        },
    )
    print(f"{trained.origin} on {people.spec}: {len(people)} people\n")
    print(f"{measured.sentence}\n")
    print(tables_text(measured.scores) if measured.any_labels else unmeasured(people))
    if args.output:
        folder = cli.given_path(args.output)
        record = {
            **run_record.provenance(),
            "network": trained.origin,
            "weights": trained.weights,
            "people": people.spec,
            "num_people": len(people),
            "people_notes": list(people.notes),
            "train_people": train.spec if train else None,
            "predictions": measured.as_json(),
        }
        write_strict_json(folder / _SCORES, record)
        print(f"\nwritten: {folder / _SCORES}")
        picture = people_gallery(people, measured.best.points, args.worst)
        if picture is not None:
            write_png(folder / _WORST, picture)
            print(f"written: {folder / _WORST}")
    for path in exports:
        _export(path, args, people, measured.best.points, measured.best.confidences)
        print(f"written: {path}")


def _check_exports(paths: list[pathlib.Path], args: flags.FlagValues) -> None:
    for path in paths:
        if path.suffix not in _EXPORTS:
            raise InputError(f"--export={path}: a file ends in {', '.join(_EXPORTS)}")
    if any(path.suffix == ".mat" for path in paths) and _release(args) is None:
        raise InputError(
            "a .mat file for MPII repeats the release with joints in place: give that, "
            "--release=mpii_human_pose_v1_u12_1.mat"
        )


def _check_exports_of(paths: list[pathlib.Path], spec: str) -> None:
    """Raises InputError, before anything is measured, for a file that is not for these people."""
    for path in paths:
        kind = {".mat": "mpii", ".json": "coco"}.get(path.suffix)
        if kind and not spec.startswith(f"{kind}:"):
            raise InputError(
                f"--export={path}: such a file is for people of {kind}:FILE, not of {spec}; "
                "give a file that ends in .csv"
            )


def _release(args: flags.FlagValues) -> pathlib.Path | None:
    """Returns the release of MPII that is given, or that the people are of."""
    if args.release:
        return cli.given_path(args.release)
    kind, _, place = (args.people or "").partition(":")
    return cli.given_path(place) if kind == "mpii" and place.endswith(".mat") else None


def _changed(trained: "TrainedPose", args: flags.FlagValues) -> "TrainedPose":
    """Returns the network with what the flags say of its pictures and maps."""
    import dataclasses

    from jaxrepro.tasks.pose.networks import side_multiple
    from jaxrepro.tasks.pose.people import PADDINGS

    multiple = side_multiple(trained.module)
    if args.size is not None and (args.size < 1 or args.size % multiple):
        raise InputError(f"--size={args.size}: for this network give a multiple of {multiple}")
    changes: dict[str, Any] = {
        "size": args.size,
        "mean": args.mean,
        "padding": None if args.padding is None else PADDINGS[args.padding],
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return dataclasses.replace(trained.decoded_as(args.decode), **given)


def run_people(workdir: Place) -> "PoseData":
    """Returns the people of a run, and says where they are not those that it was trained on.

    Raises InputError for other joints or another order.
    """
    from jaxrepro.core import config
    from jaxrepro.core.run import workdir as files
    from jaxrepro.tasks.pose.people import PoseData

    settings = config.Settings(files.read_config(workdir))
    with settings.understood():
        found = PoseData.from_settings(settings.data)
    files.check_data(
        workdir,
        {"data.source": found.train.identity(), "data.validation": found.validation.identity()},
    )
    return found


def _people(args: flags.FlagValues, trained: "TrainedPose", data_set: "PoseData | None") -> Any:
    """Returns (people to measure, training people or None) in the order of the network's joints."""
    from jaxrepro.data.pose.pose_sets import open_people

    if data_set is not None:
        return data_set.validation, data_set.train
    given = {"images": args.images, "validation": args.validation_list}
    people = open_people(args.people, split=args.split, **given)
    train = None
    if args.train_split is not None:
        given = {} if args.train_people else given
        train = open_people(args.train_people or args.people, split=args.train_split, **given)
        train = train.in_order_of(trained.joint_set)
    return people.in_order_of(trained.joint_set), train


def _export(
    path: pathlib.Path,
    args: flags.FlagValues,
    people: Any,
    points: "np.ndarray",
    confidences: "np.ndarray",
) -> None:
    from jaxrepro.metrics.pose import pose_export

    if path.suffix == ".csv":
        pose_export.write_csv(path, people, points, confidences)
    elif path.suffix == ".json":
        pose_export.write_coco(path, people, points, confidences)
    else:
        release = _release(args)
        assert release is not None  # `_check_exports` made sure.
        pose_export.write_mpii_submission(path, release, people, points)
