"""A finished run as text and data."""
