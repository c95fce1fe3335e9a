"""An API server that answers, but badly: by a proxy in front of it, and by a webhook and an API that do not answer."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from tests.e2e.support import TWO_SIZES, Object, Profile, Run, cost_profile
from tests.faults import lives, processes
from tests.faults.lives import TRUTH_SECONDS, Life
from tests.faults.operators import Operators
from tests.faults.proxy import Means, Proxy, Question, Refuse, Reset, Slow, name_of
from tests.faults.rows import Fault
from tests.faults.test_cluster import API, GOES_ON

from modelprofiler.api.trial import Stage

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]

SHARE = 0.1
WATCH_SECONDS = 10.0
SLOW_SECONDS = 2.0
ETCD = "http://127.0.0.1:2379"
NODE_ADDRESS = "198.18.0.1"
WEBHOOK_PORT = 9443
DOWN_PATH = "/apis/down.example.com/v1"
TRUE_MEANWHILE = f"{GOES_ON}; the status is never untrue for more than {TRUTH_SECONDS:.0f} s"
REFUSALS = (
    Refuse(429, "TooManyRequests", "the server has received too many requests and has asked us to try again later", 1),
    Refuse(500, "InternalError", "Internal error occurred: resource quota evaluation timed out"),
    Reset(answered=False),
    Reset(answered=True),
)
CONFLICT = Refuse(
    409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"
)


@pytest.fixture
def proxy(kubectl: Run) -> Iterator[Proxy]:
    """Stand between an operator and the API server."""
    config = json.loads(kubectl("config", "view", "--minify", "--raw", "--flatten", "-o", "json").stdout)
    (cluster,) = config["clusters"]
    authority = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    proxy = Proxy(cluster["cluster"]["server"], ssl.create_default_context(cadata=authority))
    with proxy.running():
        yield proxy


def _done(proxy: Proxy) -> str:
    """Return what the proxy did, for the table."""
    done = [f"{count} {what}" for what, count in sorted(proxy.asked.items()) if what != "passed on"]
    return f"of {proxy.asked.total()} requests: {', '.join(done)}"


@Fault(
    API,
    f"{SHARE:.0%} of its answers are 429, 500 or 409, or the connection is reset before or after the request was "
    "carried out",
    "the whole run, for every kind of request, those for the Lease too",
    TRUE_MEANWHILE,
)
def test_a_tenth_of_requests_fails(
    apply: Apply, proxy: Proxy, in_place: Operators, namespace: str, happened: Happened
) -> None:
    """Each request by itself, so that the same one may fail several times in a row."""
    seed = int(time.time())
    chance = random.Random(seed)

    def decide(question: Question) -> Means | None:
        if chance.random() >= SHARE:
            return None
        possible: tuple[Means, ...] = (CONFLICT, *REFUSALS) if question.is_write else REFUSALS
        return min(possible, key=lambda means: proxy.asked[name_of(means)])

    proxy.decide = decide
    in_place.make("unlucky", api_server=proxy.url)
    life = Life.of(apply(cost_profile("unlucky", resources=TWO_SIZES), namespace))
    untrue = life.longest_untruth()
    how = life.verified(lost_trials=1)
    assert all(proxy.asked[name_of(means)] for means in (CONFLICT, *REFUSALS)), proxy.asked
    assert untrue <= TRUTH_SECONDS
    happened(f"{_done(proxy)} (seed {seed}); untrue for {untrue:.0f} s at most; {how}")


@Fault(API, f"every watch is reset after {WATCH_SECONDS:.0f} s", "the whole run", TRUE_MEANWHILE)
def test_watches_break(apply: Apply, proxy: Proxy, in_place: Operators, namespace: str, happened: Happened) -> None:
    """As by a load balancer with a short idle timeout; what changes in between is not told."""
    proxy.watch_seconds = WATCH_SECONDS
    in_place.make("blinking", api_server=proxy.url)
    life = Life.of(apply(cost_profile("blinking", resources=TWO_SIZES), namespace))
    untrue = life.longest_untruth()
    how = life.verified()
    assert proxy.asked["watches cut off"] > 10
    assert untrue <= TRUTH_SECONDS
    happened(f"{proxy.asked['watches cut off']} watches were reset; untrue for {untrue:.0f} s at most; {how}")


@Fault(
    API,
    "it knows nothing any more of the versions from which the watches go on (410): etcd was compacted, and it was "
    "started again",
    "under load; the watches had just ended",
    GOES_ON,
)
def test_history_is_gone(
    apply: Apply, proxy: Proxy, in_place: Operators, namespace: str, kubectl: Run, happened: Happened
) -> None:
    """The load ends meanwhile, so that no watch ever tells of it."""
    in_place.make("late", api_server=proxy.url)
    profile = apply(cost_profile("late", resources=TWO_SIZES), namespace)
    lives.wait_under_load(profile)
    life = Life.of(profile)
    proxy.holds_watches = True
    proxy.end_watches()
    time.sleep(20)
    revision = int(_ask_etcd("range", {"key": base64.b64encode(b"/").decode()})["header"]["revision"])
    _ask_etcd("compaction", {"revision": str(revision), "physical": True})
    server = processes.part("kube-apiserver")
    processes.kill(server)
    processes.wait_for_another("kube-apiserver", server)
    processes.wait_for_api(kubectl)
    proxy.holds_watches = False
    untrue = life.longest_untruth()
    assert proxy.statuses[410], proxy.statuses
    happened(
        f"{proxy.statuses[410]} watches were answered 410; untrue for {untrue:.0f} s at most; "
        f"{life.verified(lost_trials=1)}"
    )


def _ask_etcd(what: str, question: Object) -> Object:
    request = urllib.request.Request(f"{ETCD}/v3/kv/{what}", json.dumps(question).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        result: Object = json.load(answer)
        return result


@Fault(API, f"each answer takes {SLOW_SECONDS:.0f} s", "the whole run", TRUE_MEANWHILE)
def test_api_server_is_slow(
    apply: Apply, proxy: Proxy, in_place: Operators, namespace: str, happened: Happened
) -> None:
    """A look at a profile takes as many requests as ever, one after the other."""
    proxy.decide = lambda question: Slow(SLOW_SECONDS)
    in_place.make("slow", api_server=proxy.url)
    life = Life.of(apply(lives.short("slow"), namespace))
    untrue = life.longest_untruth()
    how = life.verified(lost_trials=1)
    assert untrue <= TRUTH_SECONDS
    happened(f"{proxy.asked.total()} requests; untrue for {untrue:.0f} s at most; {how}")


@Fault(
    API,
    "an admission webhook does not answer within its 10 s",
    "before the second of two sizes, which needs a fresh pod; removed 60 s later",
    f"the status names the webhook within {TRUTH_SECONDS:.0f} s of its first timeout; the finished trial stays; "
    "the run goes on by itself",
)
def test_webhook_times_out(apply: Apply, in_place: Operators, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Its Service leads to a port that takes connections, and says nothing."""
    in_place.make("admitted")
    search = {"repetitions": 1, "maxTrials": 10, "resize": "Recreate"}
    profile = apply(cost_profile("webhook", resources=TWO_SIZES, search=search), namespace)
    profile.at_stage(Stage.LOADING, trial=1)
    life = Life.of(profile)
    with _silent_webhook(kubectl, namespace):
        profile.wait_until("the first trial", lambda status: status.trials_completed > 0)
        began = time.monotonic()
        profile.wait_until("the webhook", lambda status: "silent.example.com" in str(status.to_dict()), within=90)
        took = time.monotonic() - began
        assert took <= 10 + TRUTH_SECONDS, f"the status said so after {took:.0f} s"
        time.sleep(60 - took)
    profile.wait_for("Accepted", "True")  # it is tried again every half minute
    happened(f"in the status {took:.0f} s after the first trial; {life.verified(lost_trials=2)}")


@contextlib.contextmanager
def _silent_webhook(kubectl: Run, namespace: str) -> Iterator[None]:
    """Have every server and load of a namespace admitted by something that does not answer."""
    meta = {"name": "silent", "namespace": namespace}
    documents: list[Object] = [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 443, "name": "https"}]}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": meta | {"labels": {"kubernetes.io/service-name": "silent"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [NODE_ADDRESS]}],
            "ports": [{"port": WEBHOOK_PORT, "name": "https"}],
        },
    ]
    kinds = {"apiGroups": ["apps", "batch"], "apiVersions": ["v1"], "resources": ["deployments", "jobs"]}
    webhook = {
        "name": "silent.example.com",
        "clientConfig": {"service": {"name": "silent", "namespace": namespace}},
        "rules": [{"operations": ["CREATE"], **kinds}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 10,
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"silent-{namespace}"},
        "webhooks": [webhook],
    }
    with socket.create_server((NODE_ADDRESS, WEBHOOK_PORT), backlog=64):  # nobody ever accepts
        kubectl("create", "-f", "-", input="\n".join(map(json.dumps, [*documents, configuration])))
        try:
            yield
        finally:
            kubectl("delete", "validatingwebhookconfiguration", f"silent-{namespace}")


@Fault(
    API,
    "an aggregated API is down (its Service has no endpoints)",
    "from before the operator starts to the end",
    "the operator starts and the run ends as if it were not there; nothing is left",
)
def test_aggregated_api_is_down(
    apply: Apply, in_place: Operators, namespace: str, kubectl: Run, happened: Happened
) -> None:
    """The group is in the discovery, and each request to it is answered with 503."""
    meta = {"name": "down", "namespace": namespace}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 443}]}}
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.down.example.com"},
        "spec": {
            "group": "down.example.com",
            "version": "v1",
            "service": {"name": "down", "namespace": namespace},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
        },
    }
    kubectl("create", "-f", "-", input="\n".join(map(json.dumps, [service, api])))
    try:
        deadline = time.monotonic() + processes.PATIENCE
        while "unable to handle" not in (refusal := kubectl("get", "--raw", DOWN_PATH, check=False).stderr):
            assert time.monotonic() < deadline, refusal
            time.sleep(1)
        in_place.make("undaunted")
        life = Life.of(apply(lives.short("undaunted"), namespace))
        happened(life.verified())
    finally:
        kubectl("delete", "apiservice", "v1.down.example.com")
