"""The search: from the finished trials of a run to its next trial, its recommendation, or its end. Pure."""
