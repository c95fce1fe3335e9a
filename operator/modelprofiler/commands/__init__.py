"""The commands that a person types, one in each module: options in, text and an exit code out."""
