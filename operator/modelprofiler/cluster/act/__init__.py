"""Doing what was decided: the objects that a run creates, and the requests that create and remove them."""
