"""Where the time from the command to the first finished update goes."""

import time
from typing import Any

# JAX's own names of what it does for a program, and the names here.
_JAX_EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile_or_load",
    "/jax/compilation_cache/cache_retrieval_time_sec": "of_it_load",
}


class StartTimes:
    """A stopwatch with named phases, one after another, from its creation on."""

    def __init__(self) -> None:
        self._created = time.time()
        self._last = time.perf_counter(), time.process_time()
        self._first_cpu = self._last[1]
        self._seconds: dict[str, float] = {}
        self._cpu: dict[str, float] = {}
        self._programs: dict[str, float] = {}
        self._num_programs = {"compiled_or_loaded": 0, "of_them_loaded": 0}
        self._finished = False

    def listen_to_jax(self) -> None:
        """Adds up from now on what JAX says it spends on tracing and compiling programs."""
        import jax

        jax.monitoring.register_event_duration_secs_listener(self._hear)

    @property
    def finished(self) -> bool:
        """Whether the last phase has ended."""
        return self._finished

    def end(self, phase: str) -> None:
        """Ends a phase: what has passed since the phase before is its time.

        Does nothing once the last phase has ended.
        """
        if self._finished:
            return
        now = time.perf_counter(), time.process_time()
        self._seconds[phase] = self._seconds.get(phase, 0.0) + now[0] - self._last[0]
        self._cpu[phase] = self._cpu.get(phase, 0.0) + now[1] - self._last[1]
        self._last = now

    def finish(self, phase: str) -> dict[str, Any]:
        """Ends the last phase and returns the record.

        "created" is the Unix time of this object's creation, "cpu_seconds_before" what the process
        had used until then; "seconds" and "cpu_seconds" are by phase, CPU of all threads. "jax" are
        the seconds of all programs, "jax_programs" how many there were.
        """
        self.end(phase)
        self._finished = True
        return {
            "created": self._created,
            "cpu_seconds_before": round(self._first_cpu, 3),
            "seconds": _rounded(self._seconds),
            "cpu_seconds": _rounded(self._cpu),
            "jax": _rounded(self._programs),
            "jax_programs": self._num_programs,
        }

    def _hear(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        del kwargs
        if self._finished or event not in _JAX_EVENTS:
            return
        name = _JAX_EVENTS[event]
        self._programs[name] = self._programs.get(name, 0.0) + duration_secs
        if name == "compile_or_load":
            self._num_programs["compiled_or_loaded"] += 1
        if name == "of_it_load":
            self._num_programs["of_them_loaded"] += 1


def _rounded(times: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in times.items()}
