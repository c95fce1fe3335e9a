"""Which profiles are run, and why the others are refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import Object, files, node, now, profile, raw_profile
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.world import World

from modelprofiler.api.conditions import LONGEST_MESSAGE
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster.adapter import CONFIG_MAPS, NODES, PODS, PROFILES, Kind
from modelprofiler.cluster.gather.accept import TO_COME, Accepted, accept
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.conditions import Finding
from modelprofiler.errors import ClusterUnavailable, Refused

SETTINGS = Settings()


def cluster(*config_maps: Object, nodes: int = 1) -> StandIn:
    """Return an API server with nodes and ConfigMaps."""
    stand_in = StandIn(lambda: now(0))
    for number in range(nodes):
        stand_in.put(NODES, node(f"node{number}"))
    for config_map in config_maps or (files(),):
        stand_in.put(CONFIG_MAPS, config_map)
    return stand_in


def refusing(kind: Kind, message: str) -> StandIn:
    """Return an API server that refuses the dry run, or the list, of a kind."""
    stand_in = cluster()

    def refuse(verb: str, k: Kind, name: str) -> None:
        if k is kind and verb in ("dry-run", "list"):
            raise Refused(message, 403)

    stand_in.before = refuse
    return stand_in


async def accepted(c: StandIn, p: ModelProfile, settings: Settings = SETTINGS) -> Accepted:
    """Return what was found out about a profile that can be run."""
    acceptance = await accept(c, p, settings)
    assert isinstance(acceptance, Accepted), acceptance
    return acceptance


async def refusal_of(c: StandIn, settings: Settings = SETTINGS, **spec: Any) -> tuple[str, str]:
    """Return reason and message for a profile that cannot be run; nothing has been created."""
    finding = await accept(c, profile(**spec), settings)
    assert isinstance(finding, Finding)
    assert not c.count("create")
    return finding.reason.value, finding.message


CONTAINER = {"name": "a", "image": "i"}
BROKEN_TLS = {"scheme": "HTTPS", "tls": {"caBundle": "-----BEGIN CERTIFICATE-----\nAA=="}}


def named(name: str, **key: str) -> Object:
    """Return what names a ConfigMap."""
    return {"source": {"configMap": {"name": name, **key}}}


def template(*containers: Object, **pod: Any) -> Object:
    """Return a server of the user's own."""
    return {"template": {"spec": {"containers": [*containers], **pod}}}


@pytest.mark.parametrize(
    ("expected", "sentence", "config_maps", "spec"),
    [
        ("NotSupported", "spec.endpoint.http.tls.caBundle", [], {"endpoint": {"http": BROKEN_TLS}}),
        ("NotSupported", "modelprofiler init --bundle", [], {"dataset": {"source": {"path": "rows.txt"}}}),
        ("InvalidSpec", "at least one container", [], {"server": template()}),
        ("InvalidSpec", "no container 'b'", [], {"server": {**template(CONTAINER), "containerName": "b"}}),
        (
            "InvalidSpec",
            "'lots' is not a quantity",
            [],
            {"server": template({**CONTAINER, "resources": {"requests": {"cpu": "lots"}}})},
        ),
        ("TemplateRefused", "chart value allowPrivileged", [], {"server": template(CONTAINER, hostPID=True)}),
        ("SourceNotFound", "there is no ConfigMap 'gone' in namespace 'team'", [], {"dataset": named("gone")}),
        (
            "SourceNotFound",
            "has no key 'rows'; it has requests.txt, score.py",
            [],
            {"dataset": named("files", key="rows")},
        ),
        ("SourceNotFound", "name the key with the rows", [], {"dataset": named("files")}),
        (
            "SourceNotFound",
            "the source has no file 'main.py'; it has requests.txt, score.py",
            [],
            {"server": {"entryScript": {**named("files"), "file": "main.py"}}},
        ),
        ("SourceNotFound", "spec.model.source: there is no ConfigMap 'm'", [], {"model": {"name": "m", **named("m")}}),
        ("InvalidDataset", "the dataset is empty", [files(**{"score.py": "x", "requests.txt": ""})], {}),
        ("InvalidDataset", "has only empty lines", [files(**{"score.py": "x", "requests.txt": "\n \n"})], {}),
        (
            "RangeTooLarge",
            "64 is more than any node can give: node node0 has 4 CPU",
            [],
            {"resources": {"cpu": {"values": ["64"]}}},
        ),
        ("InvalidSpec", "needs 551 trials", [], {"search": {"strategy": "Grid"}}),
    ],
)
async def test_what_cannot_be_run_is_refused_with_a_reason_and_a_sentence(
    expected: str, sentence: str, config_maps: list[Object], spec: Object
) -> None:
    """Nothing is started."""
    reason, message = await refusal_of(cluster(*config_maps), **spec)
    assert (expected, True, message) == (reason, sentence in message, message)


async def test_everything_that_is_missing_is_reported_at_once() -> None:
    """Not one after the other."""
    gone = {"configMap": {"name": "gone", "key": "k"}}
    spec: Object = {"model": {"name": "m", "source": gone}, "dataset": {"source": gone}}
    _, message = await refusal_of(cluster(), server={"entryScript": {"source": gone}}, **spec)
    assert 3 == message.count("there is no ConfigMap 'gone'")


async def test_a_message_is_never_too_long_for_the_status() -> None:
    """A ConfigMap may have ten thousand keys."""
    many = files(**{f"key-{i:06}": "x" for i in range(10_000)})
    _, message = await refusal_of(cluster(many))
    assert len(message) <= LONGEST_MESSAGE


async def test_what_is_accepted_is_known_by_its_content() -> None:
    """Rows, digests, range and identity; the key of the rows is what the load reads."""
    acceptance = await accepted(cluster(), profile(model={"name": "m", "source": {"inline": "weights"}}))
    assert (3, 3, "requests.txt") == (
        acceptance.inputs.dataset.rows,
        acceptance.inputs.dataset.distinct_rows,
        acceptance.inputs.dataset_key,
    )
    assert all(d and d.startswith("sha256:") for d in (acceptance.inputs.code_digest, acceptance.inputs.model_digest))
    assert "1Gi" == str(acceptance.resources.memory.max)
    other = await accepted(
        cluster(files(**{"score.py": "def run(x): ...", "requests.txt": "[1]\n[2]\n[3]\n"})), profile()
    )
    same = await accepted(cluster(), profile(search={"maxTrials": 5}))
    assert other.inputs.dataset == same.inputs.dataset
    assert other.run_hash != same.run_hash == (await accepted(cluster(), profile())).run_hash


async def test_inline_rows_have_no_key() -> None:
    """They are in a ConfigMap of the run's own."""
    assert "" == (await accepted(cluster(), profile(dataset={"source": {"inline": "[1]\n"}}))).inputs.dataset_key


async def test_binary_files_of_a_config_map_count_like_text() -> None:
    """A model is binary most often."""
    model = {"metadata": {"name": "m", "namespace": "team"}, "binaryData": {"model.joblib": "AAEC"}}
    spec = {"model": {"name": "m", "source": {"configMap": {"name": "m", "key": "model.joblib"}}}}
    one = await accepted(cluster(files(), model), profile(**spec))
    other = await accepted(cluster(files(), model | {"binaryData": {"model.joblib": "AAED"}}), profile(**spec))
    assert one.inputs.model_digest != other.inputs.model_digest


async def test_what_admission_would_refuse_is_refused_in_its_words() -> None:
    """Asked by dry run: nothing is created."""
    reason, message = await refusal_of(refusing(PODS, 'violates PodSecurity "restricted:latest"'))
    assert "AdmissionRefused" == reason
    assert 'violates PodSecurity "restricted:latest"' in message


async def test_an_api_server_that_does_not_answer_is_no_reason_to_refuse() -> None:
    """The next look asks again."""
    c = cluster()

    def gone(verb: str, kind: Kind, name: str) -> None:
        raise ClusterUnavailable("no answer")

    c.before = gone
    with pytest.raises(ClusterUnavailable):
        await accept(c, profile(), SETTINGS)


async def test_where_nodes_may_not_be_listed_a_given_range_is_taken() -> None:
    """A range that is not given is asked for."""
    assert "1Gi" == str((await accepted(refusing(NODES, "forbidden"), profile())).resources.memory.max)
    reason, message = await refusal_of(refusing(NODES, "forbidden"), resources={})
    assert ("RangeTooLarge", True) == (reason, "must be given here" in message)


@pytest.mark.parametrize(("nodes", "maximum"), [(1, "3500m"), (2, "3950m")])
async def test_the_load_takes_its_share_where_it_has_to_run_on_the_node_of_the_server(nodes: int, maximum: str) -> None:
    """On a second node it is in nobody's way, and the node reader takes 50m; a range that is given may take all."""
    acceptance = await accepted(cluster(nodes=nodes), profile(resources={}))
    assert maximum == str(acceptance.resources.cpu.max)
    all_of_it = "4" if nodes > 1 else "3500m"
    exact = {"cpu": {"values": [all_of_it]}, "memory": {"values": ["1Gi"]}}
    acceptance = await accepted(cluster(nodes=nodes), profile(resources=exact))
    assert [all_of_it] == [str(size) for size in acceptance.resources.cpu.values or []]


async def test_sidecars_take_their_share() -> None:
    """They run on the same node in any case."""
    side = {"name": "side", "image": "i", "resources": {"requests": {"cpu": 1}}}
    acceptance = await accepted(cluster(), profile(server=template(CONTAINER, side), resources={}))
    assert "2500m" == str(acceptance.resources.cpu.max)


async def test_a_run_that_was_accepted_is_not_admitted_again_until_it_is_edited() -> None:
    """Its own pods take of the quota by then; the range stays what it was."""
    world = World()
    await world.look()
    p = world.profile()
    world.cluster.calls.clear()
    world.cluster.put(NODES, node(cpu="1"))
    assert p.status.resources == (await accepted(world.cluster, p)).resources
    assert not world.cluster.count("dry-run")


async def test_a_run_under_way_waits_for_its_node_to_be_uncordoned() -> None:
    """It is refused only before it begins; what it has measured is not thrown away for an upgrade of nodes."""
    world = World()
    await world.look()
    p = world.profile()
    world.cluster.put(NODES, node(unschedulable=True))
    acceptance = await accepted(world.cluster, p)
    assert (p.status.resources, p.status.run_hash) == (acceptance.resources, acceptance.run_hash)
    assert acceptance.nodes is None
    raw = world.raw()
    raw["metadata"]["generation"] += 1
    edited = await accept(world.cluster, ModelProfile.parse(raw), SETTINGS)
    assert isinstance(edited, Finding)
    assert "NoNode" == edited.reason


async def test_the_annotation_to_run_again_makes_another_run() -> None:
    """Whatever its value is."""
    raw = raw_profile()
    raw["metadata"]["annotations"] = {"modelprofiler.io/rerun": "2"}
    c = cluster()
    c.put(PROFILES, raw)
    again = await accepted(c, ModelProfile.parse(raw))
    assert again.run_hash != (await accepted(c, profile())).run_hash


def pinned(**pod: Any) -> Object:
    """Return a server of the user's own that asks for a node."""
    return {"server": template({"name": "a", "image": "i"}, **pod)}


def uneven() -> StandIn:
    """Return an API server with a small node and a large one, which only some tolerate."""
    stand_in = cluster(nodes=0)
    stand_in.put(NODES, node("small", "1", "2Gi"))
    taint = {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}
    stand_in.put(NODES, node("large", "16", "64Gi", taints=[taint]))
    return stand_in


LARGE: Object = {"cpu": {"values": ["1450m"]}, "memory": {"values": ["22Gi"]}}
SMALL_NODE = {"kubernetes.io/hostname": "host-small"}
TOLERATES = [{"key": "dedicated", "operator": "Exists"}]


async def test_a_range_has_to_fit_a_node_that_takes_the_server() -> None:
    """Not any node: the selector, the affinity and the tolerations of the template count."""
    reason, message = await refusal_of(uneven(), resources=LARGE)
    assert ("RangeTooLarge", True, True) == (reason, "node small has 1 CPU" in message, "large (tainted" in message)
    both = {"nodeSelector": SMALL_NODE, "tolerations": TOLERATES}
    reason, message = await refusal_of(uneven(), resources=LARGE, **pinned(**both))
    assert ("RangeTooLarge", True) == (reason, "node small has 1 CPU" in message)
    acceptance = await accepted(uneven(), profile(resources=LARGE, **pinned(tolerations=TOLERATES)))
    assert ("large",) == acceptance.nodes


async def test_the_range_that_is_searched_by_default_is_that_of_the_node_the_template_names() -> None:
    """The load runs on the other node, if it takes it, and the node reader alone takes something of this one."""
    other = uneven()
    other.put(NODES, node("third", "2"))
    acceptance = await accepted(other, profile(resources={}, **pinned(nodeSelector=SMALL_NODE)))
    assert ("950m", ("small",)) == (str(acceptance.resources.cpu.max), acceptance.nodes)


async def test_where_no_node_takes_the_server_each_is_named_with_its_reason() -> None:
    """The message also says where all are cordoned."""
    reason, message = await refusal_of(uneven(), **pinned(nodeSelector={"pool": "gpu"}))
    assert ("NoNode", True) == (reason, "without the label pool=gpu, which nodeSelector asks for" in message)
    cordoned = cluster(nodes=0)
    cordoned.put(NODES, node(unschedulable=True))
    assert ("NoNode", True) == (
        (refusal := await refusal_of(cordoned))[0],
        "every node is cordoned (node1)" in refusal[1],
    )


AUTOSCALED = SETTINGS.model_copy(update={"nodes_autoscaled": True})


@pytest.mark.parametrize(
    "pod",
    [
        {"nodeSelector": {"pool": "gpu"}},
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}},
    ],
)
async def test_a_node_that_an_autoscaler_may_bring_is_waited_for(pod: Object) -> None:
    """Where the installer says that there is one, the run starts its pod although no node takes it."""
    assert "NoNode" == (await refusal_of(uneven(), **pinned(**pod)))[0]
    acceptance = await accepted(uneven(), profile(**pinned(**pod)), AUTOSCALED)
    assert TO_COME == acceptance.nodes
    assert profile().spec.resources.cpu == acceptance.resources.cpu


async def test_a_pool_without_any_node_is_one_that_an_autoscaler_may_fill() -> None:
    """A cluster without nodes has such a pool."""
    assert TO_COME == (await accepted(cluster(nodes=0), profile(), AUTOSCALED)).nodes


async def test_what_an_unknown_node_has_is_not_guessed() -> None:
    """The range has to be written then."""
    reason, message = await refusal_of(uneven(), AUTOSCALED, resources={}, **pinned(nodeSelector={"pool": "gpu"}))
    assert ("NoNode", True, True) == (
        reason,
        "spec.resources: no node takes the server's pod" in message,
        "write cpu and memory here" in message,
    )


@pytest.mark.parametrize("pod", [{"nodeName": "gone"}, {"nodeSelector": {"kubernetes.io/hostname": "gone"}}])
async def test_no_autoscaler_brings_a_node_of_a_certain_name(pod: Object) -> None:
    """Such a profile is refused as before."""
    assert "NoNode" == (await refusal_of(uneven(), AUTOSCALED, **pinned(**pod)))[0]


async def test_a_range_may_run_on_every_node_that_has_room_for_its_largest_size() -> None:
    """These nodes are what the queue counts."""
    acceptance = await accepted(uneven(), profile(**pinned(tolerations=TOLERATES)))
    assert ("large", "small") == acceptance.nodes
    small = {"cpu": {"values": ["2"]}, "memory": {"values": ["1Gi"]}}
    assert ("large",) == (await accepted(uneven(), profile(resources=small, **pinned(tolerations=TOLERATES)))).nodes


async def test_an_affinity_of_the_wrong_shape_is_refused_with_its_path() -> None:
    """Before anything reads it."""
    shape = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": "pool"}}}
    reason, message = await refusal_of(cluster(), **pinned(affinity=shape))
    assert ("InvalidSpec", True) == (
        reason,
        "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms" in message,
    )
