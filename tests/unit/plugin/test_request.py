"""The ModelProfile that options make, and every problem of them at once, by the option that causes it."""

from pathlib import Path

import pytest

from modelprofiler.api.resource import ModelProfile
from modelprofiler.errors import Problem
from modelprofiler.plugin.options import argument_parser
from modelprofiler.plugin.request import Request, request_of
from modelprofiler.plugin.workload import Target, Workload, workload_of

CONTAINERS = [
    {"name": "server", "ports": [{"containerPort": 8080}]},
    {"name": "proxy", "ports": [{"containerPort": 1}]},
]


def shop() -> Workload:
    """Return a workload with two containers."""
    data = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {"containers": CONTAINERS}}}}
    workload = workload_of(data, Target("deploy", "shop"))
    assert isinstance(workload, Workload)
    return workload


def request_for(*options: str) -> Request | list[Problem]:
    """Return what a command line asks for, or what is wrong with it."""
    problems: list[Problem] = []
    request = request_of(argument_parser().parse_args(["deploy/shop", *options]), shop(), problems)
    return request if request is not None else problems


def spec(*options: str) -> dict[str, object]:
    """Return the spec that a command line asks for, which the types accept."""
    request = request_for(*options)
    assert isinstance(request, Request), request
    ModelProfile.parse(request.profile)
    result: dict[str, object] = request.profile["spec"]
    return result


def problems_of(*options: str) -> dict[str, str]:
    """Return the problems of a command line by their options; each has one."""
    listed = request_for(*options)
    assert isinstance(listed, list), listed
    paths = [problem.path for problem in listed]
    assert sorted(set(paths)) == sorted(paths), listed
    return {problem.path: problem.message for problem in listed}


def test_the_command_of_the_help_makes_a_profile() -> None:
    """Its name is the workload's, and its port is the container's; an address stays an address."""
    request = request_for("--dataset", "s3://bucket/requests.parquet", "--rate", "50", "--latency", "p95=250ms")
    assert isinstance(request, Request)
    assert ("shop", None) == (request.name, request.config_map)
    assert {
        "server": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}},
        "endpoint": {"http": {"port": 8080}},
        "dataset": {"source": {"uri": {"uri": "s3://bucket/requests.parquet"}}, "format": "Parquet"},
        "load": {"openLoop": {"rate": "50"}},
        "objectives": {"latency": {"p95": "250ms"}},
    } == request.profile["spec"]


def test_every_option_sets_its_field() -> None:
    """The profile is valid with all of them."""
    options = (
        "--dataset gs://b/rows --dataset-secret login --format CSV --column body --concurrency 4 --warmup 2s "
        "--duration 40s --latency p95=1s --latency p99=2s --max-error-percent 2 --port 99 --path /x --method PUT "
        "--content-type text/plain -c proxy --cpu 100m:1:100m --memory 256Mi,1Gi --max-trials 9 --deadline 30m"
    )
    assert {
        "server": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "containerName": "proxy",
        },
        "endpoint": {"http": {"port": 99, "path": "/x", "method": "PUT", "contentType": "text/plain"}},
        "dataset": {
            "source": {"uri": {"uri": "gs://b/rows", "secretRef": "login"}},
            "format": "CSV",
            "column": "body",
        },
        "load": {"closedLoop": {"concurrency": 4}, "warmup": "2s", "duration": "40s"},
        "objectives": {"latency": {"p95": "1s", "p99": "2s"}, "maxErrorPercent": "2"},
        "resources": {
            "cpu": {"min": "100m", "max": "1", "step": "100m"},
            "memory": {"values": ["256Mi", "1Gi"]},
        },
        "search": {"maxTrials": 9, "deadline": "30m"},
    } == spec(*options.split())


def test_without_an_objective_the_latency_of_the_largest_size_is_one() -> None:
    """A profile of `modelprofiler init` has the same objective."""
    assert {"maxSlowdownPercent": "25"} == spec("--dataset", "s3://b/x", "--rate", "1")["objectives"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s3://b/x.CSV", "CSV"),
        ("https://h/x.jsonl?version=1.parquet", "JSONLines"),
        ("gs://b/x.json", "JSONArray"),
        ("hf://o/r/x.pq", "Parquet"),
        ("s3://b/rows", "Lines"),
        ("models:/m/1", "Lines"),
    ],
)
def test_the_format_is_that_of_the_name(name: str, expected: str) -> None:
    """A name without one of these endings is that of a file of lines."""
    dataset = spec("--dataset", name, "--rate", "1")["dataset"]
    assert isinstance(dataset, dict)
    assert expected == dataset["format"]


def test_all_problems_are_named_at_once_by_their_options(tmp_path: Path) -> None:
    """Each is named once, whatever else follows from it."""
    messages = problems_of(
        *("--rate", "0", "--latency", "p95=quick", "--port", "http", "--cpu", "1:2", "--memory", "lots"),
        *("--max-error-percent", "200", "--max-trials", "1", "--deadline", "5s", "--duration", "1s", "--path", "x"),
        *("--method", "READ", "--timeout", "soon", "--name", "A_b", "--container", "sever"),
        *("--dataset", str(tmp_path / "nothing.txt")),
    )
    assert {
        "--rate", "--latency", "--port", "--cpu", "--memory", "--max-error-percent", "--max-trials", "--path",
        "--method", "--timeout", "--name", "--container", "--dataset",
    } <= set(messages)  # fmt: skip
    assert "such as a-b" in messages["--name"]


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ("", {"--dataset", "--rate"}),
        ("--dataset s3://b/x", {"--rate"}),
        ("--dataset s3://b/x --rate 1 --concurrency 1", {"--rate"}),
        ("--dataset s3://b/x --concurrency 0", {"--concurrency"}),
        ("--dataset s3://b/x --concurrency x", {"--concurrency"}),
        ("--dataset s3://b/x --rate 1 --duration 1s", {"--duration"}),
        ("--dataset s3://b/x --rate 1 --warmup 20m", {"--warmup"}),
        ("--dataset s3://b/x --rate 1 --deadline 5s", {"--deadline"}),
        ("--dataset s3://b/x --rate 1 --column x", {"--dataset"}),
        ("--dataset s3://b/x --rate 1 --format XML", {"--format"}),
        ("--dataset http://h/x --rate 1", {"--dataset"}),
        ("--dataset https://me:secret@h/x --rate 1", {"--dataset"}),
        ("--dataset rows.txt --dataset-secret x --rate 1", {"--dataset-secret", "--dataset"}),
        ("--dataset s3://b/x --rate 1 --timeout 0s", {"--timeout"}),
        ("--dataset s3://b/x --rate 1 --dataset-secret A_b", {"--dataset-secret"}),
    ],
)
def test_a_problem_has_the_option_that_causes_it(options: str, paths: set[str]) -> None:
    """No other option is named."""
    messages = problems_of(*options.split())
    assert paths == set(messages)
    assert "secret" not in " ".join(messages.values()).replace("secretRef", "")


def test_options_are_checked_where_the_workload_could_not_be_read(tmp_path: Path) -> None:
    """Nobody has to wait for a cluster to learn of a typing error."""
    problems: list[Problem] = []
    assert (
        request_of(
            argument_parser().parse_args(["deploy/shop", "--dataset", "s3://b/x", "--rate", "x"]), None, problems
        )
        is None
    )
    assert ["--rate"] == [problem.path for problem in problems]


def local(file: Path, *options: str) -> Request | list[Problem]:
    """Return what a command line with a local file asks for."""
    return request_for("--dataset", str(file), "--rate", "1", *options)


def test_a_local_file_goes_into_a_config_map_that_its_content_names(tmp_path: Path) -> None:
    """The profile refers to it: other rows are another ConfigMap, and so another run."""
    file = tmp_path / "rows.txt"
    names = []
    for content in ("1\n2\n2\n", "1\n2\n2\n", "1\n2\n3\n"):
        file.write_text(content)
        request = local(file)
        assert isinstance(request, Request)
        assert request.config_map is not None
        assert request.facts is not None
        name = request.config_map["metadata"]["name"]
        assert {"configMap": {"name": name}} == request.profile["spec"]["dataset"]["source"]
        assert (3, {"rows.txt": content}) == (request.facts.rows, request.config_map["data"])
        names.append(name)
    assert names[0] == names[1] != names[2]
    assert names[0].startswith("shop-rows-")


def test_bytes_and_names_that_a_config_map_cannot_have_as_they_are(tmp_path: Path) -> None:
    """Bytes are in Base64; a single file may have any name here."""
    file = tmp_path / "my rows.txt"
    file.write_bytes("ü\n".encode("latin-1"))
    request = local(file, "--content-type", "text/plain")
    assert isinstance(request, Request), request
    assert request.config_map is not None
    assert {"rows.txt": "/Ao="} == request.config_map["binaryData"]


def test_a_folder_of_files_goes_into_a_config_map(tmp_path: Path) -> None:
    """A file is a row."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"\x89PNG" + name.encode())
    request = local(tmp_path)
    assert isinstance(request, Request), request
    assert request.config_map is not None
    assert (["a.png", "b.png"], "Files") == (
        list(request.config_map["binaryData"]),
        request.profile["spec"]["dataset"]["format"],
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x" * (2**20 + 1), "and a ConfigMap can hold 1 MiB: take a sample"),
        (b"", "the dataset is empty"),
        (b"\x1f\x8b0123456789", "compressed by gzip"),
    ],
)
def test_rows_that_cannot_be_used_are_refused_here(tmp_path: Path, content: bytes, says: str) -> None:
    """Nothing has been created."""
    file = tmp_path / "rows.txt"
    file.write_bytes(content)
    problems = local(file)
    assert isinstance(problems, list)
    assert ["--dataset"] == [problem.path for problem in problems]
    assert says in problems[0].message


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    """A device or a pipe may have no end; a large file or folder is refused by its size."""
    for named, says in (("/dev/zero", "neither a file nor a folder"), (str(tmp_path), "at least 1.0 MiB")):
        (tmp_path / "a.bin").write_bytes(b"x" * (2**20 + 1))
        problems = request_for("--dataset", named, "--rate", "1")
        assert isinstance(problems, list)
        assert [("--dataset", True)] == [(problem.path, says in problem.message) for problem in problems]


def test_a_long_name_of_a_workload_leaves_room_for_that_of_its_rows(tmp_path: Path) -> None:
    """A name of an object has at most 253 characters."""
    (tmp_path / "rows.txt").write_text("1\n")
    request = local(tmp_path / "rows.txt", "--name", "a" * 253)
    assert isinstance(request, Request)
    assert request.config_map is not None
    assert len(request.config_map["metadata"]["name"]) < 253
