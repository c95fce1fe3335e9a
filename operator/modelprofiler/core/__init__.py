"""Decisions, pure: which trial next, did it pass, what to recommend. No I/O, no clock, no randomness."""
