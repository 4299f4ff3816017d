"""The training loop: the only one, for every paper."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

from jaxrepro.core.checkpoints.best import BestRule
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.checkpoints.resumption import start_step
from jaxrepro.core.config import Settings, checked_seed
from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.errors import InputError
from jaxrepro.core.evaluation import Evaluation
from jaxrepro.core.files.places import Place, exists
from jaxrepro.core.files.strict_json import number_of
from jaxrepro.core.guard.collapse import Collapse
from jaxrepro.core.guard.non_finite import NonFiniteError, check_finite
from jaxrepro.core.guard.watch import Watch
from jaxrepro.core.machine import distributed
from jaxrepro.core.machine.preemption import Interrupted, Stopped, stop_request
from jaxrepro.core.reports.data_wait import DataWait
from jaxrepro.core.reports.profile import Profile
from jaxrepro.core.reports.progress import Progress
from jaxrepro.core.reports.start_times import StartTimes
from jaxrepro.core.reports.writers import read_json_lines, workdir_writers
from jaxrepro.core.run.run_record import record_first_update, record_start
from jaxrepro.core.run.workdir import METRICS, MODEL_CARD, RESULTS, read_json, write_json
from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Every, HostBatch, Image, Task, identities_of
from jaxrepro.core.update.compilation import compile_step, lay_out
from jaxrepro.core.update.first_state import FirstState


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """What the loop itself reads from a config."""

    seed: int
    total_steps: int
    checkpoint: Every
    keep: int
    keep_period: int
    log: Every
    profile_at: int
    fsdp: int
    best: BestRule | None = None
    wandb: str = ""

    @classmethod
    def from_settings(cls, settings: Settings) -> "LoopSettings":
        """Reads seed, train.total_steps, checkpoint.*, log.* and mesh.*."""
        return cls(
            seed=checked_seed(settings.seed),
            total_steps=settings.train.at_least("total_steps", 1),
            checkpoint=Every(settings.checkpoint.at_least("every", 0)),
            keep=settings.checkpoint.at_least("keep", 1),
            keep_period=settings.checkpoint.at_least("keep_period", 0),
            log=Every(settings.log.at_least("every", 1)),
            profile_at=settings.log.at_least("profile_at", 0),
            fsdp=settings.mesh.at_least("fsdp", 1),
            best=BestRule.from_settings(settings.checkpoint),
            wandb=_checked_project(settings.log),
        )


def _checked_project(log: Settings) -> str:
    project = log.optional("wandb", "")
    if not isinstance(project, str):
        raise InputError(f"log.wandb is {project!r}; it is the name of a project, or empty")
    return project


def train(
    task: Task,
    settings: LoopSettings,
    workdir: Place,
    resume: int | None = None,
    started: StartTimes | None = None,
    resume_attempt: int = 1,
    devices: Sequence[Any] | None = None,
    data: Mapping[str, DataIdentity] | None = None,
    written: Callable[[], None] | None = None,
) -> dict[str, float]:
    """Trains until `settings.total_steps` and returns the final results.

    Starts new in a `workdir` without checkpoints; otherwise continues from the latest, or goes
    back to step `resume`, once for each `resume_attempt` (see `core.checkpoints.resumption`). A
    finished run is not trained again: its results are returned.

    started: the stopwatch of this process's start, of which `run.json` keeps the times. devices: to
    train on, all when None. data: `identities_of(task)`, where the caller has them. written: called
    whenever measurements were written.

    Every process of a job calls it; process 0 alone writes what is no checkpoint.

    Raises InputError for what the user can mend, Stopped after SIGTERM or Ctrl-C, CollapsedError
    where the task's guard stops, and NonFiniteError.
    """
    total = settings.total_steps
    started = started or StartTimes()
    written = written or _nothing

    # --- Layout: shapes, then shardings; no array exists yet.
    mesh = mesh_lib.make_mesh(settings.fsdp, devices)
    key = jax.random.key(settings.seed)
    started.end("devices")
    first_state = FirstState(task.init, key)
    abstract_state, batch_shardings = lay_out(task, mesh, first_state.shapes)
    shardings = jax.tree.map(lambda x: x.sharding, abstract_state)
    started.end("shapes of the state")

    with contextlib.ExitStack() as stack:
        # --- Where to start.
        checkpoints = stack.enter_context(
            Checkpoints(workdir, keep=settings.keep, keep_period=settings.keep_period or None)
        )
        start = start_step(checkpoints, workdir, total, resume, resume_attempt)
        if (results := _results_of_finished_run(workdir, start, total)) is not None:
            print(f"this run is finished: {total} steps in {workdir}")
            return results
        started.end("look for checkpoints")

        # --- Measurements: what they need beside the state is loaded now, so that a missing file
        # is said at once.
        evaluators = task.evaluators()
        watch = Watch(
            task, key, workdir, checkpoints, mesh, shardings, set(evaluators), settings.best
        )
        evaluation = Evaluation(evaluators, mesh, shardings)
        started.end("evaluators")

        examples_per_step = next(iter(task.batch_spec.values())).num_examples
        progress = stack.enter_context(Progress(total, start, examples_per_step))
        leads = jax.process_index() == 0
        if leads:
            write_json(workdir / MODEL_CARD, task.model_card())
            data = identities_of(task) if data is None else data
            record_start(workdir, start, resume, resume_attempt, data)
        # A run killed in its final evaluation is measured again as a whole.
        redone = evaluation.due(total, total) if start == total else ()
        writer = workdir_writers(workdir, start, redone, settings.wandb)

        def close_writer(kind: Any, error: BaseException | None, trace: Any) -> None:
            try:
                writer.close()
            except InputError:
                if error is None:  # Or the error that is under way came first.
                    raise

        stack.push(close_writer)
        stop = stack.enter_context(stop_request())
        started.end("writers")

        # --- Data, before anything compiles: a set that is too small is said at once.
        batches = _batches(task, start)
        stack.callback(lambda: _close(batches))
        wait = DataWait()
        stack.callback(wait.close)
        started.end("training data")

        with progress.paused():
            # --- State: restored or new. A new one is made on one device and then laid out, so
            # that it does not depend on the mesh.
            if start:
                progress.message(f"continuing from the checkpoint of step {start} in {workdir}")
                state = watch.reseeded(checkpoints.restore(start, abstract_state))
            else:
                state = mesh_lib.lay_over(first_state(), shardings)
            started.end("state")

            # --- Step: one compilation per run; the old state's memory becomes the new state's.
            update = compile_step(task, mesh, abstract_state, batch_shardings, progress.message)
            distributed.wait_for_all()
        started.end("program of the update")
        profile = stack.enter_context(Profile(workdir / "profile", settings.profile_at))

        def advance(start: int, state: TrainState) -> TrainState:
            """Returns the state of step `total`; raises Collapse where the guard sees one."""
            watch.recall(start)
            last_finite = start
            pending: tuple[int, Mapping[str, jax.Array]] | None = None

            def evaluate(step: int, names: list[str]) -> None:
                nonlocal pending
                try:
                    with progress.paused():
                        results = evaluation.run(names, state, stop.interrupt)
                except Interrupted as interrupted:
                    if pending is not None:
                        report(*pending)
                    checkpoints.save(step, state, wait=True)
                    raise Stopped(step, interrupted.status) from interrupted
                writer.write(step, results)
                written()
                watch.judge(step, results)

            def report(step: int, scalars: Mapping[str, jax.Array]) -> None:
                nonlocal last_finite
                numbers = {name: float(x) for name, x in jax.device_get(scalars).items()}
                check_finite(numbers, step, last_finite, state, workdir / "debug")
                last_finite = step
                speeds = progress.report(step, numbers, waited=wait.take())
                writer.write(step, numbers | speeds)
                written()
                watch.observe(step, numbers)

            # --- An evaluation that a stop or a kill cut off is made up for.
            if 0 < start < total:
                records = read_json_lines(workdir / METRICS)
                known = {name for record in records if record["step"] == start for name in record}
                if names := evaluation.missing(start, total, known):
                    progress.message(f"completing the evaluation of step {start}")
                    evaluate(start, names)

            # --- The loop. The order is fixed: batch, update, report (one update late, so that
            # the device is never idle), save, evaluate, stop. A batch is fetched and sent to the
            # device while the update before it still runs.
            for step in range(start + 1, total + 1):
                batch = mesh_lib.put_batch(wait.next(batches), batch_shardings)
                started.end("first batch")
                profile.before(step)
                with (
                    jax.profiler.StepTraceAnnotation("train", step_num=step),
                    jax.transfer_guard("disallow"),
                ):
                    state, scalars = update(state, batch)
                wait.started(scalars)
                profile.after(step, scalars)
                if not started.finished:
                    jax.block_until_ready(scalars)
                    times = started.finish("first update")
                    if leads:
                        record_first_update(workdir, times)

                if pending is not None:
                    jax.block_until_ready(pending[1])
                    progress.step(pending[0])
                    if settings.log.due(pending[0], total) or watch.due(pending[0], total):
                        report(*pending)
                pending = step, {**scalars, **watch.measure(step, total, state)}

                status = stop.status(step)
                stopping = status is not None
                names = [] if stopping else evaluation.due(step, total)
                if settings.checkpoint.due(step, total) or stopping or watch.judges(names):
                    report(*pending)  # A state with NaN must never become a checkpoint.
                    pending = None
                    with progress.paused():
                        writer.flush()  # Or a kill after the save loses numbers for good.
                        checkpoints.save(step, state, wait=stopping or step == total)
                if step < total and names:
                    evaluate(step, names)
                if status is not None:
                    raise Stopped(step, status)
            return state

        while True:
            try:
                state = advance(start, state)
                break
            except (Collapse, NonFiniteError) as error:
                if isinstance(error, NonFiniteError):
                    if not watch.rolls_back:
                        raise
                    error = Collapse(error.step, error.last_finite, str(error))
                start = watch.answer(error)
                progress.message(f"{error}; going back to step {start}")
                state = watch.reseeded(checkpoints.restore(start, abstract_state))
                writer.close()
                writer = workdir_writers(workdir, start, wandb=settings.wandb)
                # All read the results again, as the first has them now.
                distributed.wait_for_all()
                progress.restart(start)
                wait.take()
                _close(batches)
                batches = _batches(task, start)
        progress.step(total)

        # --- The end: measured on the state that is kept.
        progress.message("evaluating the final state")
        try:
            results = evaluation.run(evaluation.due(total, total), state, stop.interrupt)
        except Interrupted as interrupted:
            raise Stopped(total, interrupted.status) from interrupted
        writer.write(total, results)
        writer.flush()
        numbers = {k: float(v) for k, v in results.items() if not isinstance(v, Image)}
        if leads:
            write_json(workdir / RESULTS, {"step": total, "results": numbers})
        if (best := watch.best_after(total, results)) is not None:
            progress.message(f"best {best.name}: {best.value:.4g} at step {best.step}")
        return numbers


def _nothing() -> None:
    pass


def _batches(task: Task, start: int) -> Iterator[HostBatch]:
    return task.train_data(start, jax.process_index(), jax.process_count())


def _close(batches: Any) -> None:
    if hasattr(batches, "close"):
        batches.close()


def _results_of_finished_run(workdir: Place, start: int, total: int) -> dict[str, float] | None:
    """Returns the results of a run that was trained and measured to the end, else None."""
    if start < total or not exists(workdir / RESULTS):
        return None
    path = workdir / RESULTS
    content = read_json(path)
    step, results = content.get("step"), content.get("results")
    if (
        type(step) is not int
        or not isinstance(results, dict)
        or not all(type(number_of(x)) in (int, float) for x in results.values())
    ):
        raise InputError(
            f'{path} has no whole number "step" or no object "results" of numbers; remove it, and '
            "the same command measures the run again"
        )
    return {name: number_of(x) for name, x in results.items()} if step == total else None
