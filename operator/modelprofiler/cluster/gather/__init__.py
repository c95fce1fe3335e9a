"""Everything that a look at a profile reads, as immutable values."""
