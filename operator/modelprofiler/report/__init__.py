"""A finished run for people and programs: its record, text, JSON, HTML, patches for manifests."""
