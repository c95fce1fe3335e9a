"""The command line of ``kubectl modelprofile``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from modelprofiler.version import __version__

PROGRAM = "kubectl modelprofile"

EPILOG = """\
The ModelProfile is printed and created in the namespace of the workload, whose pod template is copied; the workload
itself is never touched. --dry-run=client -o yaml prints the ModelProfile only: add to it what no option is for, and
apply it with kubectl apply. The same command again follows the same run, or shows its result; it measures again where
options, rows or the workload's pods have changed, and with --rerun.

exit codes:
  0    done; with --wait: a trial at exactly the recommended size met the objectives
  1    with --wait: the run ended without a size, or with one that is not verified
  2    what the command line names cannot be used
  3    the cluster cannot be reached, or refuses the request
  4    with --timeout: the run goes on
  130  interrupted; the run goes on

examples:
  kubectl modelprofile deployment/recommender --dataset s3://bucket/requests.parquet --rate 50 \\
    --latency p95=250ms --wait
  kubectl modelprofile sts ranker -n team --dataset requests.jsonl --concurrency 4 --port 8080 --path /rank --wait
  kubectl modelprofile deploy/shop --dataset rows.txt --rate 20 --cpu 100m:2:100m --memory 256Mi,512Mi,1Gi --no-wait
  kubectl modelprofile deploy/shop --dataset rows.txt --rate 20 --dry-run=client -o yaml > profile.yaml"""

KUBECTL_VALUES = {
    "--context": "context of the kubeconfig",
    "--kubeconfig": "kubeconfig file",
    "--cluster": "cluster of the kubeconfig",
    "--user": "user of the kubeconfig",
    "--server": "address of the API server",
    "--token": "bearer token",
    "--as": "user to impersonate",
    "--as-group": "group to impersonate; may be repeated",
    "--as-uid": "UID to impersonate",
    "--as-user-extra": "extra of the user to impersonate; may be repeated",
    "--cache-dir": "cache folder of kubectl",
    "--certificate-authority": "CA certificate file",
    "--client-certificate": "client certificate file",
    "--client-key": "client key file",
    "--tls-server-name": "name in the certificate of the API server",
    "--username": "name for basic authentication",
    "--password": "password for basic authentication",
    "--request-timeout": "time limit of one request to the API server",
    "--kuberc": "kuberc file",
}
KUBECTL_SWITCHES = {
    "--insecure-skip-tls-verify": "do not verify the certificate of the API server",
    "--disable-compression": "ask for answers that are not compressed",
    "--match-server-version": "require the version of the API server",
    "--warnings-as-errors": "treat warnings of the API server as errors",
}
"""What any command of kubectl takes (``kubectl options``), apart from its own log and profile."""


class _PassOn(argparse.Action):
    """Keeps an option for kubectl, as the user has written it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Append the option to those of kubectl; argparse calls this."""
        option = self.option_strings[-1]
        kept = [*getattr(namespace, self.dest), option if self.nargs == 0 else f"{option}={values}"]
        setattr(namespace, self.dest, kept)


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} TYPE/NAME --dataset FILE|ADDRESS (--rate N | --concurrency N) [options]",
        description="Find the smallest CPU and memory at which a running workload meets its objectives.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "target",
        nargs="*",
        metavar="TYPE/NAME",
        help="workload whose pod template is profiled, as for kubectl get: deployment/NAME, sts NAME, …",
    )
    _add_profile(parser)
    _add_run(parser)
    _add_kubectl(parser)
    return parser


def _add_profile(parser: argparse.ArgumentParser) -> None:
    rows = parser.add_argument_group("requests")
    rows.add_argument(
        "--dataset",
        metavar="FILE|ADDRESS",
        help="rows to replay: s3://, gs://, abfs://, https://, hf://, oci:// or models:/; or a file or folder here of "
        "at most 1 MiB, which goes into a ConfigMap",
    )
    rows.add_argument(
        "--format", metavar="FORMAT", help="Lines, JSONLines, JSONArray, CSV, Parquet or Files (default: by the name)"
    )
    rows.add_argument("--column", metavar="NAME", help="column or field that contains the body of a request")
    rows.add_argument("--dataset-secret", metavar="NAME", help="Secret with what the address needs to be read")
    rows.add_argument(
        "--port", metavar="N", help="port on which the server listens (default: the container's only one)"
    )
    rows.add_argument("--path", metavar="PATH", help="path of the requests, with any query string (default: /score)")
    rows.add_argument("--method", metavar="METHOD", help="HTTP method: POST, PUT or GET (default: POST)")
    rows.add_argument("--content-type", metavar="TYPE", help="Content-Type header (default: application/json)")

    load = parser.add_argument_group("load and objectives", "Either a rate or a number of clients.")
    load.add_argument("--rate", metavar="N", help="requests per second, open loop")
    load.add_argument("--concurrency", metavar="N", help="number of clients, closed loop")
    load.add_argument("--warmup", metavar="TIME", help="length of the warm-up before the window (default: 5s)")
    load.add_argument("--duration", metavar="TIME", help="length of the measurement window (default: 30s)")
    load.add_argument(
        "--latency",
        metavar="METRIC=TIME",
        action="append",
        default=[],
        help="latency objective, such as p95=250ms; may be repeated (default: p95 at most 25 %% above the largest "
        "size's)",
    )
    load.add_argument("--max-error-percent", metavar="N", help="largest share of requests that may fail (default: 1)")

    sizes = parser.add_argument_group("sizes")
    sizes.add_argument("-c", "--container", metavar="NAME", help="container to profile (default: the first)")
    sizes.add_argument("--cpu", metavar="MIN:MAX:STEP", help="CPU to search, such as 100m:2:100m; or a list: 500m,1,2")
    sizes.add_argument(
        "--memory", metavar="MIN:MAX:STEP", help="memory to search, such as 256Mi:2Gi:64Mi; or a list: 512Mi,1Gi"
    )
    sizes.add_argument("--max-trials", metavar="N", help="largest number of trials (default: 20)")
    sizes.add_argument("--deadline", metavar="TIME", help="longest duration of the run (default: 1h)")


def _add_run(parser: argparse.ArgumentParser) -> None:
    run = parser.add_argument_group("run")
    run.add_argument("--name", metavar="NAME", help="name of the ModelProfile (default: the workload's)")
    run.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="follow the run and print its result; or end as soon as the profile is created (default)",
    )
    run.add_argument("--timeout", metavar="TIME", default="2h", help="how long to wait for the end (default: 2h)")
    run.add_argument("--rerun", action="store_true", help="measure again although nothing has changed")
    run.add_argument(
        "--dry-run",
        choices=("none", "client", "server"),
        default="none",
        help="client: only print what would be created; server: have the API server check it, too",
    )
    run.add_argument(
        "-o",
        "--output",
        choices=("text", "yaml", "json"),
        default="text",
        help="print a report, or the ModelProfile as the API server has it, with --wait at its end (default: text)",
    )


def _add_kubectl(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cluster", "These options are passed on to kubectl.")
    parser.set_defaults(kubectl=[])
    group.add_argument(
        "-n", "--namespace", action=_PassOn, dest="kubectl", metavar="NAME", help="namespace of the workload"
    )
    for option, text in KUBECTL_VALUES.items():
        names = ("-s", option) if option == "--server" else (option,)
        group.add_argument(*names, action=_PassOn, dest="kubectl", metavar="VALUE", help=text)
    for option, text in KUBECTL_SWITCHES.items():
        group.add_argument(option, action=_PassOn, dest="kubectl", nargs=0, help=text)
