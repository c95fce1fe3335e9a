"""The pictures of a report: static SVG in the page's colours, without scripts."""
