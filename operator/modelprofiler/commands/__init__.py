"""The commands that a person types, one a module: options in, words and an exit code out."""
