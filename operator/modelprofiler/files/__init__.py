"""The document that somebody wrote: read, checked, completed, and the files that it names."""
