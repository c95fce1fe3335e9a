"""The same engine on this machine: a server process in a cgroup."""
