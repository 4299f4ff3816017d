"""Measures what variance does in PyraNet before its first update, for each initialisation.

python -m jaxrepro.papers.pyranet.variance --output=runs/variance
python -m jaxrepro.papers.pyranet.variance --config=configs/pyranet.py:demo --output=runs/variance

Three measurements, each over several seeds: the responses and the loss's gradients by them along
the whole network, with and without the fix of the output variance (W. Yang et al., ICCV 2017,
section 3.3); the responses of residual units in a row, with and without projected shortcuts; and
plain layers with several branches without batch norm, for which the initialisations are derived
(section 3.4). The pictures and joints are those that the config trains on.

Tables are printed; DIR/variance.json has all numbers, also the ratios that claims are about, and
DIR/variance.png is a plot of them. Without --config the network is the published one at 2 stacks,
64 channels, 3 sizes in an hourglass and crops of 64 pixels, on 4 figures drawn over photographs.
"""

import pathlib
from typing import Any

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    cli.define_config()
    flags.DEFINE_string("output", None, "Folder for variance.json and variance.png.")
    flags.DEFINE_integer("num_seeds", 3, "Seeds, the config's and those after it.")
    flags.DEFINE_list("init", None, "Initialisations, such as torch,branch_paper; all by default.")


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.output is None:
        raise InputError("no output given; for example --output=runs/variance")
    if args.num_seeds < 1:
        raise InputError(f"--num_seeds={args.num_seeds}: give at least 1")

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    from jaxrepro import papers
    from jaxrepro.core import config as config_lib
    from jaxrepro.core import loop
    from jaxrepro.core.files.strict_json import write_strict_json
    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.core.run import run_record
    from jaxrepro.nn.branch_initialization import INITIALIZATIONS
    from jaxrepro.papers.pyranet.start.branch_stack import stack_gains
    from jaxrepro.papers.pyranet.start.growth import summary
    from jaxrepro.papers.pyranet.start.start_measures import measure_chains, measure_networks
    from jaxrepro.papers.pyranet.start.variance_plot import plot
    from jaxrepro.papers.pyranet.start.variance_report import print_report

    names = tuple(args.init or INITIALIZATIONS)
    if unknown := set(names) - set(INITIALIZATIONS):
        raise InputError(
            f"--init has {', '.join(sorted(unknown))}; allowed: {', '.join(INITIALIZATIONS)}"
        )
    config = small_config() if args.config is None else args.config
    settings = config_lib.Settings(config)
    settings.one_of("task", ("pyranet",))
    # Newell's network has no fix to measure.
    settings.model.one_of("name", ("pyranet",))
    papers.make_task(settings)
    loop.LoopSettings.from_settings(settings)
    config_lib.checked_seed(settings.seed + args.num_seeds - 1, "the last of --num_seeds")
    settings.check_all_read()
    places, network = measure_networks(settings, names, args.num_seeds)
    record = {
        **run_record.provenance(),
        "config": config.to_dict(),
        "num_seeds": args.num_seeds,
        "places": list(places),
        "network": network,
        "chain": measure_chains(settings, names, args.num_seeds),
        "branches": stack_gains(args.num_seeds, settings.seed),
    }
    record["summary"] = summary(record)
    folder = pathlib.Path(args.output)
    write_strict_json(folder / "variance.json", record)
    write_atomically(folder / "variance.png", plot(record))
    print_report(record)
    print(f"all numbers in {folder / 'variance.json'}, a plot in {folder / 'variance.png'}")


def small_config() -> Any:
    """Returns the published network, narrower, with fewer stacks and on smaller pictures."""
    from jaxrepro.papers.pyranet.settings import published_pyranet

    config = published_pyranet(stacks=2)
    config.data.size = 64
    config.model.update(features=64, depth=3)
    config.train.batch_size = 4
    return config


if __name__ == "__main__":
    cli.run(define_flags, main)
