"""From the series that a source found to the samples of one container."""

from modelprofiler.metrics.cadvisor import RawSeries, assemble, belongs
from modelprofiler.metrics.series import series
from modelprofiler.metrics.source import ContainerRef

UID = "0e3f2d3c-1111-2222-3333-444455556666"
REF = ContainerRef("team", "digits-1", "server", pod_uid=UID, node="node1")
NAMES = {"namespace": "team", "pod": "digits-1", "container": "server"}
CPU = "container_cpu_usage_seconds_total"


def _labels(metric: str = CPU, **more: str) -> dict[str, str]:
    return {"__name__": metric, **NAMES, **more}


def test_series_of_other_containers_pods_and_namespaces_are_left_out() -> None:
    """Also that of the whole pod, which has no container."""
    assert belongs(_labels(), REF)
    for label, value in {"namespace": "other", "pod": "digits-10", "container": ""}.items():
        assert not belongs({**_labels(), label: value}, REF)


def test_a_pod_of_the_same_name_that_was_there_before_is_another_one() -> None:
    """Its cgroup's path has another uid; both cgroup drivers are understood."""
    assert belongs(_labels(id=f"/kubepods/burstable/pod{UID}/abc"), REF)
    assert belongs(_labels(id=f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-abc.scope"), REF)
    assert not belongs(_labels(id="/kubepods/pod99999999-1111-2222-3333-444455556666/abc"), REF)


def test_without_a_uid_to_compare_the_names_decide() -> None:
    """Some installations drop the label id; static pods have no uid in the path."""
    assert belongs(_labels(), REF)
    assert belongs(_labels(id="/kubepods/besteffort/pod5d1bd5a8f2a9ef1d7d8a5d2a2f9c8d11/abc"), REF)
    assert belongs(_labels(id=f"/kubepods/pod{UID}/abc"), ContainerRef("team", "digits-1", "server"))


def test_series_of_the_same_names_without_the_uid_are_somebody_elses() -> None:
    """Another tenant's pods export them, more of them and with a memory that the container does not have."""
    memory = "container_memory_working_set_bytes"
    own = [RawSeries(_labels(metric, id=f"/kubepods/pod{UID}/abc"), [(15.0, 2.0)]) for metric in (CPU, memory)]
    forged = [
        RawSeries(_labels(metric, instance="tenant", **more), [(10.0, 900.0), (20.0, 901.0)])
        for metric in (CPU, memory, "container_memory_max_usage_bytes")
        for more in ({}, {"id": "/kubepods/abc"})
    ]
    assert assemble(own, REF, (0.0, 100.0), "Prometheus") == assemble([*forged, *own], REF, (0.0, 100.0), "Prometheus")


def test_the_series_of_a_single_cpu_is_not_that_of_all() -> None:
    """Where per-CPU series exist, only the total counts; where there is no total, their sum."""
    assert belongs(_labels(cpu="total"), REF)
    assert not belongs(_labels(cpu="cpu01"), REF)
    single = [RawSeries(_labels(cpu=f"cpu0{n}"), [(1.0, 2.0), (15.0, 3.0 + n)]) for n in range(2)]
    total = RawSeries(_labels(cpu="total", job="kubelet"), [(1.0, 5.0), (15.0, 9.0)])
    assert series([(1, 4), (15, 7)]) == assemble(single, REF, (0.0, 100.0), "Prometheus").cpu_seconds
    assert series([(1, 5), (15, 9)]) == assemble([*single, total], REF, (0.0, 100.0), "Prometheus").cpu_seconds


def test_series_without_a_control_group_are_not_those_of_another_container() -> None:
    """A kubelet's /metrics/resource has the same metrics, and no path of a control group: no restart, and no sum."""
    cgroup = RawSeries(_labels(id="/kubepods/abc"), [(1.0, 1.0), (15.0, 2.0)])
    resource = RawSeries(_labels(metrics_path="/metrics/resource"), [(1.0, 1.0), (8.0, 1.5), (15.0, 2.0)])
    samples = assemble([cgroup, resource], REF, (0.0, 100.0), "Prometheus")
    assert (series([(1, 1), (15, 2)]), ()) == (samples.cpu_seconds, samples.restarts)
    assert series([(1, 1), (8, 1.5), (15, 2)]) == assemble([resource], REF, (0.0, 100.0), "Prometheus").cpu_seconds


def test_of_a_series_from_two_scrapers_the_longer_is_taken() -> None:
    """They are never mixed: one of them may stamp samples with its own time."""
    samples = assemble(
        [
            RawSeries(_labels(job="a"), [(1.0, 1.0), (15.0, 2.0)]),
            RawSeries(_labels(job="b"), [(1.5, 1.0), (15.5, 2.0), (30.5, 3.0)]),
        ],
        REF,
        (0.0, 100.0),
        "Prometheus",
    )
    assert series([(1.5, 1), (15.5, 2), (30.5, 3)]) == samples.cpu_seconds
    assert "Prometheus" == samples.source
    assert () == samples.restarts


def test_the_container_after_a_restart_follows_the_one_before() -> None:
    """Both are kept in order of time, and the restart is remembered even where the counter does not fall."""
    samples = assemble(
        [
            RawSeries(_labels(id=f"/kubepods/pod{UID}/bbb"), [(40.0, 9.0), (55.0, 12.0)]),
            RawSeries(_labels(id=f"/kubepods/pod{UID}/aaa"), [(10.0, 1.0), (25.0, 2.0)]),
        ],
        REF,
        (0.0, 100.0),
        "Kubelet",
    )
    assert series([(10, 1), (25, 2), (40, 9), (55, 12)]) == samples.cpu_seconds
    assert (40.0,) == samples.restarts
    assert samples.restarted(25, 40)


def test_samples_outside_the_span_are_left_out_but_the_time_of_creation_is_not() -> None:
    """The creation time has no time of its own: a source stamps it with that of the scrape."""
    samples = assemble(
        [
            RawSeries(_labels(), [(1.0, 1.0), (5.0, 2.0), (9.0, 3.0)]),
            RawSeries(_labels("container_start_time_seconds"), [(99.0, 0.5)]),
        ],
        REF,
        (4.0, 6.0),
        "Kubelet",
    )
    assert series([(5, 2)]) == samples.cpu_seconds
    assert series([(99, 0.5)]) == samples.start_time


def test_series_that_are_not_needed_are_left_out() -> None:
    """Nothing fails on a metric that nobody asked for."""
    assert not assemble([RawSeries(_labels("container_fs_usage_bytes"), [(1.0, 1.0)])], REF, (0.0, 9.0), "Kubelet")


FAULTS, READ = "container_memory_failures_total", "container_fs_reads_bytes_total"


def test_faults_that_read_a_disk_are_distinguished_from_the_others() -> None:
    """Two types and two scopes are one metric; one installer drops the scope "hierarchy", none the other."""
    raw = [
        RawSeries(_labels(FAULTS, failure_type=kind, scope=scope), [(1.0, value)])
        for value, (kind, scope) in enumerate(
            (kind, scope) for scope in ("container", "hierarchy") for kind in ("pgfault", "pgmajfault")
        )
    ]
    assert series([(1.0, 1.0)]) == assemble(raw, REF, (0.0, 100.0), "Kubelet").major_faults


def test_bytes_read_from_several_disks_add_up() -> None:
    """Each disk has a series; a disk that is not read has none."""
    raw = [
        RawSeries(_labels(READ, device="/dev/sda"), [(1.0, 100.0), (15.0, 200.0)]),
        RawSeries(_labels(READ, device="/dev/sdb"), [(1.0, 5.0), (15.0, 7.0)]),
        RawSeries(_labels(READ, device="/dev/sdb", job="other"), [(1.0, 5.0)]),
    ]
    samples = assemble(raw, REF, (0.0, 100.0), "Prometheus")
    assert series([(1.0, 105.0), (15.0, 207.0)]) == samples.read_bytes
    assert () == samples.restarts


def test_series_that_an_installer_drops_are_absent() -> None:
    """Missing is not zero."""
    samples = assemble([RawSeries(_labels(), [(1.0, 1.0)])], REF, (0.0, 100.0), "Prometheus")
    assert ((), (), ()) == (samples.mapped_file_bytes, samples.major_faults, samples.read_bytes)
