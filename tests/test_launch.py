"""The launchers: what they would run, and that they are well-formed."""

import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest
import yaml

LAUNCH = pathlib.Path(__file__).resolve().parents[1] / "launch"
SCRIPTS = sorted([*LAUNCH.glob("*.sh"), *LAUNCH.glob("*.sbatch")])
ARGUMENTS = ("--config=configs/srcnn.py:test", "--workdir=a folder/$HOME")
TPU = {"TPU": "my-tpu", "ZONE": "zone-a"}
POD = {"COORDINATOR": "pod-0.job:5555", "NUM_PROCESSES": "4", "JOB_COMPLETION_INDEX": "3"}
JOB = {"SLURM_JOB_ID": "77"}
# What they are restarted after may hold the workdir a while longer.
TRAIN = ("python3", "-m", "jaxrepro.train", "--workdir_patience=180")


def run(script, *arguments, path=None, **settings):
    """Runs a script with the programs in `path` before all others."""
    search = os.environ["PATH"] if path is None else f"{path}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", str(LAUNCH / script), *arguments],
        env={"PATH": search, "HOME": "/home/x", **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )


def program(folder, name, text):
    """Puts a shell script in the place of a program that is not here."""
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    result = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_slurm_dry_run_prints_the_command_and_starts_nothing(tmp_path):
    program(tmp_path, "srun", "exit 9")
    result = run("slurm.sbatch", *ARGUMENTS, path=tmp_path, DRY_RUN="1")
    assert result.returncode == 0, result.stderr
    (line,) = result.stdout.splitlines()
    assert shlex.split(line) == [
        *("+", "srun", "--label", "--wait=120", *TRAIN),
        *ARGUMENTS,
    ]


def test_tpu_dry_run_quotes_for_both_machines(tmp_path):
    program(tmp_path, "gcloud", "exit 9")
    result = run("tpu_pod.sh", *ARGUMENTS, path=tmp_path, DRY_RUN="1", **TPU)
    assert result.returncode == 0, result.stderr
    words = shlex.split(result.stdout)
    assert words[:8] == [
        *("+", "gcloud", "compute", "tpus", "tpu-vm", "ssh", "my-tpu", "--zone=zone-a")
    ]
    remote = words[-1].removeprefix("--command=")
    assert shlex.split(remote) == [
        *("cd", "jaxrepro", "&&", "exec", *TRAIN),
        *ARGUMENTS,
    ]


def test_kubernetes_dry_run_gives_every_pod_its_number():
    result = run("k8s_start.sh", *ARGUMENTS, DRY_RUN="1", **POD)
    assert result.returncode == 0, result.stderr
    assert shlex.split(result.stdout) == [
        *("+", *TRAIN, *ARGUMENTS),
        *("--coordinator=pod-0.job:5555", "--num_processes=4", "--process_id=3"),
    ]


def test_local_dry_run_prints_every_process():
    command = [sys.executable, str(LAUNCH / "local_multiprocess.py"), "--num_processes=3"]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    result = subprocess.run(
        [*command, "--devices_per_process=2", "--port=5555", "--dry_run", "--", *ARGUMENTS],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    for index, line in enumerate(lines):
        assert shlex.split(line) == [
            *("[launch]", "process", f"{index}:", "JAX_PLATFORMS=cpu"),
            "XLA_FLAGS=--xla_force_host_platform_device_count=2",
            *(sys.executable, "-m", "jaxrepro.train", *ARGUMENTS),
            *("--coordinator=localhost:5555", "--num_processes=3", f"--process_id={index}"),
        ]


def test_local_needs_a_command():
    command = [sys.executable, str(LAUNCH / "local_multiprocess.py"), "--num_processes=3"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert "nothing to run: give the flags of the command after --" in result.stderr


@pytest.mark.parametrize(
    ("script", "settings", "message"),
    [
        ("slurm.sbatch", {}, "give the flags of training as arguments"),
        ("tpu_pod.sh", TPU, "give TPU and ZONE in the environment"),
        ("k8s_start.sh", {"COORDINATOR": "a:1"}, "NUM_PROCESSES: is not set"),
    ],
)
def test_what_is_missing_is_said(script, settings, message):
    result = run(script, **settings)
    assert result.returncode != 0
    assert message in result.stderr


@pytest.mark.parametrize("status", [75, 134, 137, 143])
def test_slurm_queues_again_what_was_stopped_or_lost(status, tmp_path):
    program(tmp_path, "srun", f"exit {status}")
    program(tmp_path, "scontrol", f'echo "$@" > {tmp_path / "requeued"}')
    result = run("slurm.sbatch", *ARGUMENTS, path=tmp_path, **JOB)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "requeued").read_text() == "requeue 77\n"


@pytest.mark.parametrize(
    ("status", "settings", "message"),
    [(0, {}, ""), (1, {}, ""), (143, {"SLURM_RESTART_COUNT": "50"}, "after 50 restarts")],
)
def test_slurm_does_not_queue_again_the_rest(status, settings, message, tmp_path):
    program(tmp_path, "srun", f"exit {status}")
    program(tmp_path, "scontrol", "exit 9")
    result = run("slurm.sbatch", *ARGUMENTS, path=tmp_path, **JOB, **settings)
    assert result.returncode == status
    assert message in result.stderr


def test_tpu_starts_again_until_it_is_done(tmp_path):
    count = tmp_path / "count"
    count.write_text("0")
    # Stopped at first, then without a connection, then finished.
    program(
        tmp_path,
        "gcloud",
        f"n=$(cat {count}); echo $((n + 1)) > {count}; statuses=(143 255 0); exit ${{statuses[n]}}",
    )
    result = run("tpu_pod.sh", *ARGUMENTS, path=tmp_path, PAUSE="0", **TPU)
    assert result.returncode == 0, result.stderr
    assert count.read_text().strip() == "3"
    assert "restart 2 of at most 20" in result.stdout
    count.write_text("0")
    result = run("tpu_pod.sh", *ARGUMENTS, path=tmp_path, PAUSE="0", MAX_RESTARTS="1", **TPU)
    assert result.returncode == 255
    assert "giving up" in result.stderr


# --- The JobSet: names, types and nesting, by the published definition of the two kinds.

CONTAINER = {
    "name": str,
    "image": str,
    "command": [str],
    "args": [str],
    "env": [{"name": str, "value": str}],
    "ports": [{"containerPort": int}],
    "resources": {"limits": {"nvidia.com/gpu": int}},
    "volumeMounts": [{"name": str, "mountPath": str}],
}
POD_SPEC = {
    "restartPolicy": str,
    "terminationGracePeriodSeconds": int,
    "containers": [CONTAINER],
    "volumes": [{"name": str, "persistentVolumeClaim?": {"claimName": str}, "emptyDir?": dict}],
}
EXIT_RULE = {
    "action": str,
    "onExitCodes": {"containerName": str, "operator": str, "values": [int]},
}
JOB_SPEC = {
    "completionMode": str,
    "parallelism": int,
    "completions": int,
    "backoffLimit": int,
    "podFailurePolicy": {"rules": [EXIT_RULE]},
    "template": {"spec": POD_SPEC},
}
JOB_SET = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str},
    "spec": {
        "network": {"enableDNSHostnames": bool, "publishNotReadyAddresses": bool},
        "failurePolicy": {
            "maxRestarts": int,
            "rules": [{"name": str, "action": str, "onJobFailureReasons": [str]}],
        },
        "replicatedJobs": [{"name": str, "replicas": int, "template": {"spec": JOB_SPEC}}],
    },
}


def mismatches(value, schema, place=""):
    """Returns where `value` departs from `schema`; keys that end in "?" may be absent."""
    if isinstance(schema, type):
        return [] if type(value) is schema else [f"{place}: {value!r} is no {schema.__name__}"]
    if isinstance(schema, list):
        if not isinstance(value, list) or not value:
            return [f"{place}: {value!r} is no list of things"]
        return [
            m for i, item in enumerate(value) for m in mismatches(item, schema[0], f"{place}[{i}]")
        ]
    if not isinstance(value, dict):
        return [f"{place}: {value!r} is no mapping"]
    known = {key.rstrip("?"): key for key in schema}
    found = [f"{place}.{key} is not known" for key in value if key not in known]
    found += [
        f"{place}.{k} is missing" for k, s in known.items() if k not in value and s[-1] != "?"
    ]
    for key in value.keys() & known.keys():
        found += mismatches(value[key], schema[known[key]], f"{place}.{key}")
    return found


@pytest.fixture
def job_set():
    return yaml.safe_load((LAUNCH / "k8s_jobset.yaml").read_text())


def test_the_job_set_has_the_keys_of_its_kind(job_set):
    assert mismatches(job_set, JOB_SET) == []
    job_set["spec"]["replicatedJobs"][0]["replica"] = job_set["spec"]["replicatedJobs"][0].pop(
        "replicas"
    )
    assert mismatches(job_set, JOB_SET) == [
        ".spec.replicatedJobs[0].replica is not known",
        ".spec.replicatedJobs[0].replicas is missing",
    ]


def test_the_job_set_agrees_with_itself(job_set):
    assert (job_set["apiVersion"], job_set["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    name = job_set["metadata"]["name"]
    (replicated,) = job_set["spec"]["replicatedJobs"]
    job = replicated["template"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    settings = {entry["name"]: entry["value"] for entry in container["env"]}
    # One start of all pods is one attempt: the JobSet counts them, not the Job.
    assert (job["completionMode"], job["backoffLimit"]) == ("Indexed", 0)
    assert (pod["restartPolicy"], replicated["replicas"]) == ("Never", 1)
    assert job["parallelism"] == job["completions"] == int(settings["NUM_PROCESSES"])
    host, port = settings["COORDINATOR"].split(":")
    assert host == f"{name}-{replicated['name']}-0-0.{name}"
    assert int(port) == container["ports"][0]["containerPort"]
    assert {v["name"] for v in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    # A stopped run must not count as an error that would come again.
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert not {0, 75, 134, 137, 143} & set(rule["onExitCodes"]["values"])
    assert job_set["spec"]["failurePolicy"]["rules"][0]["action"] == "FailJobSet"


def test_the_pods_of_the_job_set_run_the_command(job_set):
    pod = job_set["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    settings = {entry["name"]: entry["value"] for entry in container["env"]}
    program, script = container["command"]
    assert program == "bash"
    result = run(
        pathlib.Path(script).name,
        *container["args"],
        **settings | {"DRY_RUN": "1", "JOB_COMPLETION_INDEX": "2"},
    )
    words = shlex.split(result.stdout)
    assert words[1:4] == ["python3", "-m", "jaxrepro.train"]
    assert "--process_id=2" in words
    config = next(w for w in words if w.startswith("--config=")).removeprefix("--config=")
    assert (LAUNCH.parent / config).is_file()
    # The image has what the command needs, where it looks for it.
    copied = (LAUNCH / "Dockerfile").read_text()
    for folder in ("jaxrepro", "configs", "launch"):
        assert f"COPY {folder} {folder}" in copied
    assert {"pyproject.toml", "setup.py", "docs/package.md"} <= set(copied.split())


# --- What local_multiprocess.py does with processes; JAX is not needed for that.

PROCESS = """
import pathlib, signal, sys, time
number, behaviour = sys.argv[-1].partition("=")[2], sys.argv[1]
def saved(*_):
    print("saved", flush=True)
    sys.exit(143)
if behaviour != "deaf":
    signal.signal(signal.SIGTERM, saved)
print("[Gloo] Rank 0 is connected to 1 peer ranks.\\nready", flush=True)
if behaviour == "fails" and number == "1":
    print("error: no such folder", file=sys.stderr)
    sys.exit(3)
if behaviour == "finishes":
    print("no end of line", end="")
    sys.exit(0)
time.sleep(60)
"""


@pytest.fixture
def launch(tmp_path):
    """Starts two processes of a program that behaves as it is told."""
    (tmp_path / "program.py").write_text(PROCESS)
    started = []

    def start(behaviour):
        command = [sys.executable, str(LAUNCH / "local_multiprocess.py"), "--module=program"]
        process = subprocess.Popen(
            [*command, "--grace=0.2", "--", behaviour],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def read_until_ready(process):
    """Returns the pids of the two processes once both are at work."""
    text = ""
    while text.count("] ready") < 2:
        line = process.stdout.readline()
        assert line, text
        text += line
    assert "Gloo" not in text
    return [int(pid) for pid in re.findall(r"has the pid (\d+)", text)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_local_passes_a_notice_to_all(number, launch):
    process = launch("listens")
    read_until_ready(process)
    process.send_signal(number)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    assert sorted(line for line in text.splitlines() if "saved" in line) == [
        "[0] saved",
        "[1] saved",
        f"[launch] {number.name}: the run is saved and ended",
    ]


def test_local_ends_the_others_when_one_fails(launch):
    process = launch("fails")
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "[1] error: no such folder" in text
    assert text.splitlines()[-1].startswith("[launch] error: process 1 exited with status 3;")


def test_local_ends_the_others_when_one_is_killed(launch):
    process = launch("listens")
    first, second = read_until_ready(process)
    os.kill(first, signal.SIGKILL)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 137
    assert "process 0 was killed by SIGKILL" in text
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def test_local_ends_what_does_not_listen(launch):
    process = launch("deaf")
    read_until_ready(process)
    process.send_signal(signal.SIGTERM)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "ended before there was anything to save" in text


def test_local_shows_the_last_line_too(launch):
    process = launch("finishes")
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "[0] no end of line\n" in text
