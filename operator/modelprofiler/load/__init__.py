"""From a dataset to a LoadResult: reading rows, arrival schedule, HTTP hot path, stop rules, intervals of latency."""
