"""Rows of a dataset: read from files of every format, checked, described, stored and put into order."""
