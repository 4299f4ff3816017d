#!/usr/bin/env bash
# Trains on all workers of a TPU pod slice; JAX finds the other workers by itself.
#
#   TPU=my-v3-32 ZONE=europe-west4-a launch/tpu_pod.sh --config=configs/biggan128.py --workdir=/mnt/runs/big
#
# The arguments are those of `python -m jaxrepro.train`. The workdir must be on a disk that all workers
# share, or on gs://. A run that was stopped and saved (status 143), or lost a worker or the connection (75, 134,
# 255), is continued by the same command, MAX_RESTARTS times at most.
#
# Settings (environment): TPU, ZONE; PROJECT (gcloud's own by default); FOLDER, where the repository is
# on the workers (jaxrepro); PYTHON (python3); MAX_RESTARTS (20); PAUSE, seconds before a restart, longer
# than --peer_timeout (90); DRY_RUN=1 prints the command and stops.
set -euo pipefail

if [ -z "${TPU:-}" ] || [ -z "${ZONE:-}" ] || [ "$#" -eq 0 ]; then
    echo "error: give TPU and ZONE in the environment and the flags of training as arguments" >&2
    exit 2
fi
folder=${FOLDER:-jaxrepro}
python=${PYTHON:-python3}
max_restarts=${MAX_RESTARTS:-20}
pause=${PAUSE:-90}

# The lock of a worker that was lost outlives it on a network disk, by 90 s on most.
training=("$python" -m jaxrepro.train --workdir_patience=180 "$@")
remote=$(printf '%q ' cd "$folder")"&& exec "$(printf '%q ' "${training[@]}")
command=(gcloud compute tpus tpu-vm ssh "$TPU" --zone="$ZONE" --worker=all --command="$remote")
if [ -n "${PROJECT:-}" ]; then
    command+=(--project="$PROJECT")
fi

printf '+'
printf ' %q' "${command[@]}"
printf '\n'
if [ "${DRY_RUN:-0}" = 1 ]; then
    exit 0
fi

restarts=0
while true; do
    status=0
    "${command[@]}" || status=$?
    case $status in
        75 | 134 | 143 | 255) ;;
        *) exit "$status" ;;
    esac
    if [ "$restarts" -ge "$max_restarts" ]; then
        echo "error: status $status after $restarts restarts (MAX_RESTARTS); giving up" >&2
        exit "$status"
    fi
    restarts=$((restarts + 1))
    echo "status $status: restart $restarts of at most $max_restarts in $pause s, from the last checkpoint"
    sleep "$pause"
done
