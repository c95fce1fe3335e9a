"""The machine that a run uses: its CPUs, control groups, processes, ports and locks."""
