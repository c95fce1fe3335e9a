"""A run on this machine, from its file to its report: the search of a cluster, with a server process in a cgroup."""
