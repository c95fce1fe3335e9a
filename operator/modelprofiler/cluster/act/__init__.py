"""Doing what was decided: the requests that create, change and delete the objects of a run."""
