#!/usr/bin/env bash
# dlbench on the nodes of a Slurm job: one Ray node each, groups dealt to them.
#   sbatch examples/cluster/slurm.sh
# Adapt: nodes, CPUs, GPUs, time, the environment, and the command at the end.
#SBATCH --job-name=dlbench
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --time=02:00:00
##SBATCH --gpus-per-task=1
set -euo pipefail

# shellcheck source=/dev/null
source "$HOME/dlbench/.venv/bin/activate"   # the same path, and the same packages, on every node

# Strangers on the network get no answer; Ray tells its makers nothing; dlbench keeps the usual priority.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 RAY_worker_niceness=0
export RAY_memory_monitor_refresh_ms=0
export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"   # srun no longer takes --cpus-per-task from sbatch (Slurm 22.05)

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
port=6379
resources=(--num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "${SLURM_GPUS_PER_TASK:-0}" --object-store-memory 200000000)

srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --block --node-ip-address="$address" --port="$port" --include-dashboard=false "${resources[@]}" &
sleep 10
if (( ${#nodes[@]} > 1 )); then
    srun --nodes=$(( ${#nodes[@]} - 1 )) --ntasks=$(( ${#nodes[@]} - 1 )) --exclude="$head" \
        ray start --block --address="$address:$port" "${resources[@]}" &
    sleep 10
fi

# This script runs on the first node of the job, which is the head.
dlbench cluster check --cluster "$address:$port"
dlbench run --cluster "$address:$port" --plugin torch.mlp,tf.mlp --phase train --out "reports/slurm-$SLURM_JOB_ID"
