"""The same engine on this machine: a server process in a cgroup, a run from its file to its report."""
