#!/bin/sh
# An audit of capture sets as a job array: task n takes line n of /results/sets.txt.
#   sbatch --array=1-$(wc -l < /results/sets.txt) slurm.sh
#SBATCH --job-name=keepcap
#SBATCH --cpus-per-task=1
#SBATCH --mem=640M

set=$(sed -n "${SLURM_ARRAY_TASK_ID}p" /results/sets.txt)
part=/results/parts/$SLURM_ARRAY_TASK_ID.part
keepcap --join --memory 512M --threads 1 --part "$part" -o /dev/null -- "$set"
# 2 and 3 tell of captures that could not be read; the partial result says so, too.
test -e "$part"
