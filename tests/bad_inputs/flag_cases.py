"""Flags that are missing, unknown, of another type, out of range or at odds with others."""

from collections.abc import Iterator

from tests.bad_inputs.case import Case, given
from tests.bad_inputs.paper import CONFIGS, given_words, papers, verb

_KIND = "flag"
_ANY = "ANY"


def cases() -> Iterator[Case]:
    """Yields the cases of flags."""
    config = f"--config={CONFIGS / next(iter(papers().values())).config}.py:test"
    for command, arguments, names in _GIVEN:
        words = [config if word == _ANY else word for word in arguments]
        yield given(_KIND, command, *words, names=names)
    for paper, told in papers().items():
        for command, arguments, names in told.flags:
            yield given(_KIND, verb(paper, command), *given_words(arguments), names=names)


_GIVEN: tuple[tuple[str, tuple[str, ...], str], ...] = (
    # --- Of every command that trains, measures or shows a run.
    ("jaxrepro.train", (), "config"),
    ("jaxrepro.train", ("--config=",), "config"),
    ("jaxrepro.train", ("--config=absent.py",), "absent.py"),
    ("jaxrepro.train", (f"--config={CONFIGS}",), "configs"),
    ("jaxrepro.train", (_ANY, "--resume=latest"), "latest"),
    ("jaxrepro.train", (_ANY, "--workdri=runs/a"), "workdri"),
    ("jaxrepro.train", (_ANY, "runs/a"), "runs/a"),
    ("jaxrepro.train", (_ANY, "--num_processes=0"), "num_processes"),
    ("jaxrepro.train", (_ANY, "--num_processes=2"), "coordinator"),
    ("jaxrepro.train", (_ANY, "--process_id=3"), "process_id"),
    ("jaxrepro.train", (_ANY, "--workdir="), "workdir"),
    ("jaxrepro.train", (_ANY, "--workdir=/proc/none"), "/proc/none"),
    ("jaxrepro.train", (_ANY, "--workdir=/dev/null/x"), "/dev/null/x"),
    # Longer than the name of a folder may be.
    ("jaxrepro.train", (_ANY, f"--workdir={'x' * 300}"), "xxx"),
    ("jaxrepro.evaluate", (), "workdir"),
    ("jaxrepro.evaluate", ("--workdir=absent",), "absent"),
    ("jaxrepro.evaluate", ("--workdir=absent", "--steps=some"), "absent"),
    ("jaxrepro.export", ("--workdir=absent",), "--output"),
    ("jaxrepro.export", ("--workdir=absent", "--output=out", "--step=x"), "step"),
    ("jaxrepro.export", ("--workdir=absent", "--output=out"), "absent"),
    ("jaxrepro.plot", ("--workdir=absent", "--output=a.png"), "absent"),
    ("jaxrepro.plot", ("--output=a.png",), "--workdir"),
    ("jaxrepro.report", ("--workdir=absent",), "absent"),
    ("jaxrepro.report", ("--output",), "output"),
    ("jaxrepro.plan", (_ANY,), "--device_memory"),
    ("jaxrepro.plan", (_ANY, "--device_memory=much"), "much"),
    ("jaxrepro.plan", (_ANY, "--device_memory=-1GB"), "-1GB"),
    ("jaxrepro.plan", (_ANY, "--device_memory=nan"), "nan"),
    ("jaxrepro.plan", (_ANY, "--device_memory=1e400"), "1e400"),
    ("jaxrepro.plan", (_ANY, "--device_memory=1GB", "--devices=0"), "devices"),
    ("jaxrepro.plan", (_ANY, "--device_memory=1GB", "--num_classes=-1"), "num_classes"),
    # --- Preparing data.
    ("jaxrepro.prepare", ("--size=8", "--output=out"), "--source"),
    ("jaxrepro.prepare", ("--source=folder:none", "--size=8", "--output=out"), "none"),
    ("jaxrepro.prepare", ("--source=zip:a.zip", "--size=8", "--output=out"), "zip:a.zip"),
    ("jaxrepro.prepare", ("--source=digits", "--size=0", "--output=out"), "size=0"),
    ("jaxrepro.prepare", ("--source=digits", "--size=8", "--channels=2", "--output=out"), "2"),
    ("jaxrepro.prepare", ("--source=digits", "--size=8", "--output=/proc/x"), "/proc/x"),
    ("jaxrepro.prepare", ("--source=digits", "--size=8", "--output=o", "--num_workers=-1"), "-1"),
    ("jaxrepro.prepare", ("--source=tfds:no_such_set", "--size=8", "--output=o"), "no_such_set"),
    ("jaxrepro.prepare", ("--source=digits", "--split=", "--size=8", "--output=o"), "split"),
)
