"""The work of `Model.profile`: its checks, the ModelProfile resource, the run here or in a cluster, and the result."""
