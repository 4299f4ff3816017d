"""Flags that are missing, unknown, of another type, out of range or at odds with others."""

from collections.abc import Iterator

from tests.bad_inputs.case import Case, given
from tests.bad_inputs.materials import CONFIGS

_KIND = "flag"
_DIGITS = f"--config={CONFIGS / 'biggan_digits.py'}:test"
_BIGGAN = "jaxrepro.papers.biggan."
_SRCNN = "jaxrepro.papers.srcnn."
_PYRANET = "jaxrepro.papers.pyranet."
_SCFEGAN = "jaxrepro.papers.scfegan."


def cases() -> Iterator[Case]:
    """Yields the cases of flags."""
    for command, arguments, names in _GIVEN:
        yield given(_KIND, command, *arguments, names=names)


_GIVEN: tuple[tuple[str, tuple[str, ...], str], ...] = (
    # --- Of every command that trains, measures or shows a run.
    ("jaxrepro.train", (), "config"),
    ("jaxrepro.train", ("--config=",), "config"),
    ("jaxrepro.train", ("--config=absent.py",), "absent.py"),
    ("jaxrepro.train", (f"--config={CONFIGS}",), "configs"),
    ("jaxrepro.train", (_DIGITS, "--resume=latest"), "latest"),
    ("jaxrepro.train", (_DIGITS, "--workdri=runs/a"), "workdri"),
    ("jaxrepro.train", (_DIGITS, "runs/a"), "runs/a"),
    ("jaxrepro.train", (_DIGITS, "--num_processes=0"), "num_processes"),
    ("jaxrepro.train", (_DIGITS, "--num_processes=2"), "coordinator"),
    ("jaxrepro.train", (_DIGITS, "--process_id=3"), "process_id"),
    ("jaxrepro.train", (_DIGITS, "--workdir="), "workdir"),
    ("jaxrepro.train", (_DIGITS, "--workdir=/proc/none"), "/proc/none"),
    ("jaxrepro.train", (_DIGITS, "--workdir=/dev/null/x"), "/dev/null/x"),
    # Longer than the name of a folder may be.
    ("jaxrepro.train", (_DIGITS, f"--workdir={'x' * 300}"), "xxx"),
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
    ("jaxrepro.plan", (_DIGITS,), "--device_memory"),
    ("jaxrepro.plan", (_DIGITS, "--device_memory=much"), "much"),
    ("jaxrepro.plan", (_DIGITS, "--device_memory=-1GB"), "-1GB"),
    ("jaxrepro.plan", (_DIGITS, "--device_memory=nan"), "nan"),
    ("jaxrepro.plan", (_DIGITS, "--device_memory=1e400"), "1e400"),
    ("jaxrepro.plan", (_DIGITS, "--device_memory=1GB", "--devices=0"), "devices"),
    ("jaxrepro.plan", (_DIGITS, "--device_memory=1GB", "--num_classes=-1"), "num_classes"),
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
    (f"{_SCFEGAN}prepare", ("--source=folder:none", "--output=out"), "none"),
    (f"{_SCFEGAN}prepare", ("--source=photos:test", "--size=0", "--output=out"), "size"),
    (f"{_SCFEGAN}prepare", ("--source=photos:test", "--held_out_every=1", "--output=o"), "held"),
    (f"{_SCFEGAN}prepare", ("--source=photos:test", "--output=o", "--labels=none"), "none"),
    (f"{_SCFEGAN}prepare", ("--source=photos:test", "--output=o", "--edge_weights=n"), "n"),
    # --- BigGAN's.
    (f"{_BIGGAN}sample", ("--output=a.png",), "--model"),
    (f"{_BIGGAN}sample", ("--model=none", "--step=x", "--output=a.png"), "step"),
    (f"{_BIGGAN}sample", ("--model=none", "--output=a.png", "--num=0"), "num"),
    (f"{_BIGGAN}sample", ("--model=none", "--output=a.png"), "none"),
    (f"{_BIGGAN}sample", ("--model=none", "--output=a.png", "--truncation=x"), "truncation"),
    (f"{_BIGGAN}interpolate", ("--model=none", "--output=a.mp4"), "a.mp4"),
    (f"{_BIGGAN}interpolate", ("--model=none", "--output=a.png", "--path=x"), "--path=x"),
    (f"{_BIGGAN}truncation_sweep", ("--model=n", "--output=a.png", "--truncations=a,b"), "a,b"),
    (f"{_BIGGAN}standing", ("--model=n", "--output=o", "--truncations=nan"), "nan"),
    (f"{_BIGGAN}port", ("--input=none.npz", "--output=out"), "none.npz"),
    (f"{_BIGGAN}truncation_curve", ("--model=n", "--output=a.csv", "--truncations=1"), "a.csv"),
    (f"{_BIGGAN}neighbours", ("--model=n", "--output=a.png", "--num=0"), "--num"),
    (f"{_BIGGAN}change_classes", ("--model=none", "--output=o", _DIGITS), "none"),
    # --- SRCNN's.
    (f"{_SRCNN}upscale", ("a.png",), "output"),
    (f"{_SRCNN}upscale", ("a.png", "b.png", "--scale=1"), "scale"),
    (f"{_SRCNN}upscale", ("a.png", "b.png", "--scale=three"), "three"),
    (f"{_SRCNN}upscale", ("a.png", "b.png"), "a.png"),
    (f"{_SRCNN}upscale", ("a.png", "b.png", "c.png"), "c.png"),
    (f"{_SRCNN}upscale", ("a.png", "b.png", "--tile=7"), "tile"),
    (f"{_SRCNN}upscale", ("a.png", "b.png", "--max_megapixels=-1"), "max_megapixels"),
    (f"{_SRCNN}upscale", ("a.png", "b.png", "--overwrite", "--skip_existing"), "--overwrite"),
    (f"{_SRCNN}protocols", ("--model=none", "--data=photos:test"), "none"),
    (f"{_SRCNN}protocols", ("--model=none", "--data=photos:all"), "photos:all"),
    (f"{_SRCNN}evaluate", ("--model=none",), "none"),
    (f"{_SRCNN}evaluate", ("--model=none", "--linear_side=4"), "linear_side"),
    (f"{_SRCNN}evaluate", ("--model=none", "--check=much"), "check"),
    (f"{_SRCNN}colors", ("--data=photos:test", "--degradation=fog"), "fog"),
    # --- PyraNet's.
    (f"{_PYRANET}predict", ("--model=none", "--output=out"), "picture"),
    (f"{_PYRANET}predict", ("a.png", "--model=none", "--output=out"), "none"),
    (f"{_PYRANET}predict", ("a.png", "--output=out"), "network"),
    (f"{_PYRANET}predict", ("a.png", "--model=n", "--output=o", "--windows=all"), "windows"),
    (f"{_PYRANET}predict", ("a.png", "--model=n", "--output=o", "--shift"), "--shift"),
    (f"{_PYRANET}evaluate", ("--model=none",), "none"),
    (f"{_PYRANET}evaluate", ("--model=n", "--people=figures", "--export=a.xml"), "a.xml"),
    (f"{_PYRANET}variance", ("--output=out", "--num_seeds=0"), "num_seeds"),
    (f"{_PYRANET}variance", ("--output=out", "--init=cold"), "cold"),
    (f"{_PYRANET}classifier_table", ("--workdirs=none",), "none"),
    # --- SC-FEGAN's.
    (f"{_SCFEGAN}edit", ("--image=a.png", "--mask=b.png"), "--output"),
    (f"{_SCFEGAN}edit", ("--image=a", "--mask=b", "--output=c", "--model=n"), "a"),
    (
        f"{_SCFEGAN}edit",
        ("--image=a", "--mask=b", "--output=c", "--model=n", "--crop=1,2"),
        "crop",
    ),
    (f"{_SCFEGAN}edit", ("--image=a", "--mask=b", "--output=c", "--model=n", "--eyes=1"), "eyes"),
    (f"{_SCFEGAN}evaluate", ("--model=none", "--source=photo_crops", "--num=1"), "num"),
    (f"{_SCFEGAN}evaluate", ("--model=none", "--source=photo_crops"), "none"),
    (f"{_SCFEGAN}convert", ("--model=none", "--output=out"), "none"),
    (f"{_SCFEGAN}convert", ("--model=none", "--output=o", "--deconv_gate=x"), "deconv_gate"),
    (f"{_SCFEGAN}calibrate", (_DIGITS,), "scfegan"),
    (f"{_SCFEGAN}calibrate", (f"--config={CONFIGS / 'scfegan.py'}:test", "--steps=1"), "steps"),
    (f"{_SCFEGAN}studio.__main__", ("--model=none", "--port=70000"), "port"),
    (f"{_SCFEGAN}studio.__main__", ("--model=none", "--port=0"), "none"),
    (f"{_SCFEGAN}studio.__main__", ("--model=none", "--host=no.such.host.invalid"), "no.such"),
)
