"""``modelprofiler init``: a first profile, for a scoring script or a server command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what a profile is made from."""
    parser.description = (
        "Write a first profile, with comments, for a scoring script or a server command. The result is valid without "
        "further edits."
    )
    parser.add_argument("--dataset", required=True, metavar="PATH", help="file with one request body per line")
    parser.add_argument("-o", "--output", metavar="FILE", help="new file to write (default: standard output)")
    parser.add_argument("--name", metavar="NAME", help="name of the profile (default: name of this folder)")
    parser.add_argument("--bundle", action="store_true", help="write the files into ConfigMaps, for a cluster")

    server = parser.add_argument_group("server", "Either an entry script or a command.")
    server.add_argument("--entry-script", metavar="PATH", help="Python file with init() and run(data)")
    server.add_argument("--requirements", metavar="PATH", help="requirements file of the entry script (default: none)")
    server.add_argument("--python-version", metavar="3.N", help="Python of the entry script (default: this one)")
    server.add_argument("--command", dest="serve", metavar="COMMAND", help="command that starts the server, quoted")
    server.add_argument("--image", metavar="IMAGE", help="image of the server in a cluster")
    server.add_argument("--model", metavar="PATH", help="file or folder of the model (default: none)")

    endpoint = parser.add_argument_group("endpoint")
    endpoint.add_argument(
        "--port", type=int, metavar="N", help="port on which the server listens (default with an entry script: 5001)"
    )
    endpoint.add_argument("--path", metavar="PATH", help="path of a request (default: /score)")
    endpoint.add_argument(
        "--content-type", metavar="TYPE", help="Content-Type of the requests (default: application/json)"
    )

    load = parser.add_argument_group("load and objective", "Either a rate or a number of clients.")
    load.add_argument("--rate", metavar="N", help="requests per second, open loop")
    load.add_argument("--concurrency", type=int, metavar="N", help="number of clients, closed loop")
    load.add_argument(
        "--latency",
        metavar="METRIC=TIME",
        action="append",
        default=[],
        help="latency objective, such as p95=250ms; may be repeated for other metrics",
    )
    parser.epilog = (
        "examples:\n"
        "  modelprofiler init --model model.joblib --entry-script score.py --dataset requests.txt \\\n"
        "    --rate 50 --latency p95=250ms > profile.yaml\n"
        '  modelprofiler init --command "python app.py" --port 8080 --path /predict --dataset requests.txt \\\n'
        "    --concurrency 4 -o profile.yaml\n"
        "  modelprofiler plan profile.yaml"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the profile."""
    import re

    from modelprofiler.errors import InvalidInput, Problem
    from modelprofiler.files.bundle import requirements_in
    from modelprofiler.files.draft import Draft, write

    output = Path(arguments.output) if arguments.output else None
    if output is not None and not output.absolute().parent.is_dir():
        raise InvalidInput([Problem("--output", f"there is no folder {output.parent}")])
    folder = re.sub(r"[^a-z0-9]+", "-", Path.cwd().name.lower()).strip("-")[:50]
    draft = Draft(
        name=arguments.name or folder or "profile",
        dataset=arguments.dataset,
        model=arguments.model,
        entry_script=arguments.entry_script,
        requirements=requirements_in(Path(arguments.requirements)) if arguments.requirements else (),
        python_version=arguments.python_version,
        command=arguments.serve,
        image=arguments.image,
        port=arguments.port,
        path=arguments.path,
        content_type=arguments.content_type,
        rate=arguments.rate,
        concurrency=arguments.concurrency,
        latency=tuple(arguments.latency),
        bundle=arguments.bundle,
    )
    text = write(draft, output.absolute().parent if output else Path.cwd())
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InvalidInput([Problem("--output", f"{output} cannot be written: {error.strerror}")]) from error
    return 0
