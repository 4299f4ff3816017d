#!/usr/bin/env bash
# Starts one process of the job in k8s_jobset.yaml, whose pods have a number each.
#
# Settings (environment): COORDINATOR, NUM_PROCESSES, JOB_COMPLETION_INDEX; PYTHON (python3);
# DRY_RUN=1 prints the command and stops.
set -euo pipefail

: "${COORDINATOR:?is not set: HOST:PORT of the first pod}"
: "${NUM_PROCESSES:?is not set: the number of pods}"
: "${JOB_COMPLETION_INDEX:?is not set: the Job must have completionMode Indexed}"

# The lock of a pod that was lost outlives it on a network disk, by 90 s on most.
command=("${PYTHON:-python3}" -m jaxrepro.train --workdir_patience=180 "$@"
    --coordinator="$COORDINATOR" --num_processes="$NUM_PROCESSES"
    --process_id="$JOB_COMPLETION_INDEX")
printf '+'
printf ' %q' "${command[@]}"
printf '\n'
if [ "${DRY_RUN:-0}" = 1 ]; then
    exit 0
fi
# In place of this shell, so that SIGTERM reaches Python.
exec "${command[@]}"
