"""``kubectl modelprofile``: from a workload of a cluster to the size that is enough, through the user's own kubectl."""
