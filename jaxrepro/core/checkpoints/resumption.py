"""Where a run goes on: after its latest checkpoint, or after an older one that the user names.

A launcher gives a command with --resume=STEP again and again, and each time the same command has to
continue. So a run goes back once: `run.json` keeps to what each start was asked to go back, and one
that is asked for the same, with the same config, continues. The entry is written after all later
checkpoints were moved and before the next update. So a process killed before it has lost nothing
by going back again, and one killed after it has nothing to move any more.
"""

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.run.run_record import read_starts, request
from jaxrepro.core.run.workdir import RESULTS


def start_step(
    checkpoints: Checkpoints, workdir: Place, total: int, resume: int | None, attempt: int = 1
) -> int:
    """Returns the step to continue from, 0 for a new run.

    Without `resume` that is the latest. Else it is `resume`, and later checkpoints are moved to
    `set_aside/`; but the latest if the start before had this `resume`, `attempt` and config too.

    All processes of a job must call it together. Raises InputError if there is no checkpoint of
    `resume`, or the latest is of a step after `total`.
    """
    again = resume is not None and bool(checkpoints.steps) and _repeats(workdir, resume, attempt)
    if resume is not None and not again:
        if jax.process_index() == 0 and resume in checkpoints.steps[:-1]:
            # Before the checkpoints go: a process killed in between leaves no results without.
            (workdir / RESULTS).unlink(missing_ok=True)
        if moved := checkpoints.set_aside_after(resume):
            print(f"moved the checkpoints of steps {moved} to {workdir / 'set_aside'}")
        return resume
    start = max(checkpoints.steps, default=0)
    if start > total:
        raise InputError(
            f"{workdir} is trained for {start} steps already, more than train.total_steps="
            f"{total}; raise it, or go back with --resume=STEP ({checkpoints.steps})"
        )
    if again and start != resume:
        print(
            f"the same command went back to step {resume} already: going on from step {start}; to "
            f"go back to step {resume} once more add --resume_attempt={attempt + 1}"
        )
    return start


def _repeats(workdir: Place, resume: int, attempt: int) -> bool:
    """Returns whether the start before this one was asked for the same, as often."""
    found = False
    # What it says changes soon, and other machines may see that late: process 0 reads for all.
    if jax.process_index() == 0:
        last = [{}, *read_starts(workdir)][-1]
        asked = request(workdir, resume, attempt)
        found = asked == {key: last.get(key) for key in asked}
    if jax.process_count() > 1:
        found = bool(multihost_utils.broadcast_one_to_all(np.int32(found)))
    return found
