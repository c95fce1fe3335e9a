"""A profile as a user writes it: reading and validating its file, and locating the files that it refers to."""
