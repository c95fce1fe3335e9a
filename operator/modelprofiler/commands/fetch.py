"""``modelprofiler fetch``: what the first container of a pod runs that needs files from an address."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("uri", metavar="URI", help="https, s3, gs, abfs, hf, oci or models address of the files")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="folder that the files are put into")
    parser.add_argument(
        "--credentials", type=Path, metavar="FOLDER", help="folder with the keys of a Secret: variables, or headers"
    )
    parser.add_argument("--digest", metavar="SHA256", help="fail unless this is the digest of the files")
    parser.add_argument("--problem", type=Path, metavar="FILE", help="file for the reason of a failure")
    parser.epilog = "example:\n  modelprofiler fetch s3://bucket/model.joblib --to model"


def run(arguments: argparse.Namespace) -> int:
    """Fetch the files; return 0 when they are there, 1 otherwise."""
    import logging

    from modelprofiler.files.fetch.apart import CA_VARIABLE
    from modelprofiler.files.fetch.failure import FetchFailed
    from modelprofiler.files.fetch.fetch import fetch
    from modelprofiler.files.sources import digest_of_folder

    # Drivers log tracebacks and addresses, which may contain credentials; the sentence below says what is wrong.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        fetch(
            arguments.uri,
            arguments.to,
            credentials=arguments.credentials,
            ca_bundle=os.environ.get(CA_VARIABLE, ""),
        )
        if arguments.digest and (digest := digest_of_folder(arguments.to)) != arguments.digest:
            raise FetchFailed(
                f"the files have changed since the run began: their digest is {digest}, not {arguments.digest}; apply "
                "the profile again to measure them"
            )
    except FetchFailed as error:
        if arguments.problem is not None:
            arguments.problem.write_text(f"{error.reason}\n{error}", encoding="utf-8")
        print(f"modelprofiler: {error}", file=sys.stderr)
        return 1
    return 0
