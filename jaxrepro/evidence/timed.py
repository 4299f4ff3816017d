"""Arms of a claim about what an update costs, read of a record of `benchmarks.update_cost`."""

from jaxrepro.evidence.claim import Arm, Kept, Result

# Of an update beside the first config's, and its own time.
RATIO = Result("ratio", "times the first", 3, better="less")
MILLISECONDS = Result("ms", "update", 0, "ms", "less")


def timed(label: str, file: str, config: str) -> Arm:
    """Returns the arm of one config of a record, with the results RATIO and MILLISECONDS.

    file: the record, in the folder of results. config: as it was given, configs/ricap.py:small.
    """
    place = f"/updates/{config.replace('/', '~1')}"
    values = {"ratio": f"{place}/ratio", "ms": f"{place}/milliseconds"}
    return Arm(label, kept=Kept(file, values, "/command"), seeded=False)
