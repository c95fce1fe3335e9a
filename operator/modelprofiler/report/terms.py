"""The terms of a report and their meaning."""

TERMS = {
    "Trial": "One measurement: a load on the server at one size.",
    "Size": "The CPU and memory limits of the server in a trial.",
    "Request, limit": "What Kubernetes reserves for the container, and what the container cannot exceed.",
    "Verified": "A server that was started at exactly the recommended size met every objective.",
    "p95": (
        "95 of 100 requests were at least this fast; p50 and p99 alike. With an open loop the time counts from the "
        "moment at which a request was due, so that requests held up by a stalled server count in full."
    ),
    "95% interval": (
        "Contains the true value with 95 % confidence. Requests in a queue are not independent of each other, so the "
        "interval is computed from the differences between parts of the window."
    ),
    "Window": "The measured part of a load, after the warm-up.",
    "Fresh, resized": (
        "Whether the server was started at the size, or started at another size and resized while it ran. Only a fresh "
        "server verifies a recommendation."
    ),
    "Throttled": (
        "The kernel grants a container its CPU limit for periods of 100 ms, and stops it for the rest of a period when "
        "the limit is used up."
    ),
    "Working set": "Memory that the kernel cannot reclaim, including page cache that is in use.",
    "CPU/request": "The CPU time used in the window, divided by the requests completed in it.",
    "Millicores": "1000m is one CPU: the full time of one core.",
}
