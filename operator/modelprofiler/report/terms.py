"""What the words of a report mean."""

TERMS = {
    "Request, limit": "What Kubernetes reserves for the container, and what it holds it to.",
    "Verified": "A server started at exactly the recommended size met every objective.",
    "p95": (
        "95 of 100 requests were at least this fast; p50, p99 alike. With an open loop it counts from the moment a "
        "request was due, so that a server that stands still is not flattered."
    ),
    "95% interval": (
        "Where the true value lies with 95 % confidence. Requests that wait for each other are not independent, so it "
        "comes from the spread between parts of the window."
    ),
    "Fresh, resized": (
        "Whether the server was started at the size, or at another one and changed while it ran. Only a fresh one "
        "verifies."
    ),
    "Throttled": "The kernel gives a container its CPU limit anew every 100 ms and stops it when that is used up.",
    "Working set": "Memory that the kernel cannot take back when it gets short; page cache in active use included.",
    "CPU/request": "CPU time used in the window over the requests completed in it.",
    "Millicores": "1000m is one CPU: the whole time of a core.",
}
