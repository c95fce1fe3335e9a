"""The charts of a report as data: shapes in pixels, which a template turns into SVG."""
