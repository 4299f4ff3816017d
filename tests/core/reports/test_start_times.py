import jax

from jaxrepro.core.reports import start_times
from jaxrepro.core.reports.start_times import StartTimes


def test_phases_follow_each_other_and_end_once(monkeypatch):
    clock, cpu = iter([10.0, 11.5, 11.75, 20.0]), iter([1.0, 1.25, 1.5, 2.0])
    monkeypatch.setattr(start_times.time, "time", lambda: 1e9)
    monkeypatch.setattr(start_times.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(start_times.time, "process_time", lambda: next(cpu))
    times = StartTimes()
    times.end("a")
    times.end("b")
    record = times.finish("c")
    times.end("d")  # After the end nothing is counted, and no clock is asked.
    assert times.finished
    assert record == {
        "created": 1e9,
        "cpu_seconds_before": 1.0,
        "seconds": {"a": 1.5, "b": 0.25, "c": 8.25},
        "cpu_seconds": {"a": 0.25, "b": 0.25, "c": 0.5},
        "jax": {},
        "jax_programs": {"compiled_or_loaded": 0, "of_them_loaded": 0},
    }


def test_programs_are_counted():
    times = StartTimes()
    times.listen_to_jax()
    jax.jit(lambda x: x * 3.25 - 1)(2.0)
    record = times.finish("a")
    assert record["jax_programs"]["compiled_or_loaded"] >= 1
    assert {"trace", "lower", "compile_or_load"} <= record["jax"].keys()
