"""``modelprofiler init``: a first profile, from files or from a command that serves."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what a profile is made from."""
    parser.description = "Write a commented profile from files, or from a command that serves."
    parser.add_argument("--dataset", required=True, metavar="PATH", help="a file with a request body a line")
    parser.add_argument("--model", metavar="PATH", help="the model's file or folder")
    parser.add_argument("--entry-script", metavar="PATH", help="a Python file with init() and run(data)")
    parser.add_argument("--requirements", metavar="PATH", help="a requirements file for the entry script")
    parser.add_argument("--python-version", metavar="3.N", help="Python of the entry script")
    parser.add_argument("--command", dest="serve", metavar="WORDS", help="instead of an entry script: what serves")
    parser.add_argument("--image", help="in a cluster: the image of the server")
    parser.add_argument("--port", type=int, help="where the server listens (entry script: 5001)")
    parser.add_argument("--path", help="path of a request (default: /score)")
    parser.add_argument("--content-type", help="of a request (default: application/json)")
    parser.add_argument("--rate", metavar="N", help="requests per second")
    parser.add_argument("--concurrency", type=int, metavar="N", help="or clients")
    parser.add_argument(
        "--latency", metavar="METRIC=TIME", action="append", default=[], help="such as p95=250ms; may be repeated"
    )
    parser.add_argument("--name", help="name of the profile (default: of the folder)")
    parser.add_argument("--bundle", action="store_true", help="write the files into ConfigMaps, for a cluster")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of standard output")
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
