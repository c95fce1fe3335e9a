"""What the Pod Security Standard "baseline" forbids, found in a pod template of a user. Pure.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline, as of Kubernetes 1.35. Stricter in one
point: ``procMount`` is refused also with ``hostUsers: false``, which older clusters do not know and drop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from modelprofiler.api.objects import Object

Finding: TypeAlias = tuple[str, str]
"""(field of the template, what is wrong with it)"""

CONTAINER_GROUPS = ("initContainers", "containers", "ephemeralContainers")

CAPABILITIES = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""Those that containers have by default."""

SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        *("net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.ping_group_range", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"),
        "net.ipv4.tcp_fin_timeout",
    }
)
"""Those that concern the pod alone."""

SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
PROFILES = frozenset({"RuntimeDefault", "Localhost"})
"""Profiles of seccomp and AppArmor that may be named."""

SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR_CONTAINER = "container.apparmor.security.beta.kubernetes.io/"


def forbidden(template: Object) -> list[Finding]:
    """Return every field of a pod template that "baseline" forbids; empty where there is none."""
    pod = _object(template.get("spec"))
    return [
        *_annotations(_object(_object(template.get("metadata")).get("annotations"))),
        *_pod(pod),
        *(
            finding
            for group in CONTAINER_GROUPS
            for number, container in enumerate(_objects(pod.get(group)))
            for finding in _container(container, f"spec.{group}[{number}]")
        ),
    ]


def _annotations(annotations: Object) -> Iterator[Finding]:
    """Check the annotations that older clusters still follow."""
    for name, value in annotations.items():
        of_seccomp = name == SECCOMP_POD or name.startswith(SECCOMP_CONTAINER)
        if not of_seccomp and not name.startswith(APPARMOR_CONTAINER):
            continue
        allowed = {"runtime/default", "docker/default"} if of_seccomp else {"runtime/default", ""}
        if str(value) not in allowed and not str(value).startswith("localhost/"):
            yield f"metadata.annotations[{name}]", f"names the profile {_short(value)}"


def _pod(pod: Object) -> Iterator[Finding]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"spec.{field}", "shares the node's namespace"
    for number, volume in enumerate(_objects(pod.get("volumes"))):
        if volume.get("hostPath") is not None:
            yield f"spec.volumes[{number}].hostPath", "mounts the node's files"
    context = _object(pod.get("securityContext"))
    for number, sysctl in enumerate(_objects(context.get("sysctls"))):
        if str(sysctl.get("name")) not in SYSCTLS:
            yield f"spec.securityContext.sysctls[{number}]", f"sets {_short(sysctl.get('name'))} of the node"
    yield from _context(context, "spec.securityContext")


def _container(container: Object, path: str) -> Iterator[Finding]:
    for number, port in enumerate(_objects(container.get("ports"))):
        if port.get("hostPort"):
            yield f"{path}.ports[{number}].hostPort", "opens a port of the node"
    yield from _handlers(container, path)
    context, inside = _object(container.get("securityContext")), f"{path}.securityContext"
    if context.get("privileged"):
        yield f"{inside}.privileged", "is set"
    if (mount := context.get("procMount")) is not None and mount != "Default":
        yield f"{inside}.procMount", f"is {_short(mount)}, which unmasks /proc"
    added = _object(context.get("capabilities")).get("add")
    if extra := [_short(one) for one in (added if isinstance(added, list) else []) if str(one) not in CAPABILITIES]:
        yield f"{inside}.capabilities.add", f"asks for {', '.join(extra)}"
    yield from _context(context, inside)


def _handlers(container: Object, path: str) -> Iterator[Finding]:
    """Check probes and lifecycle hooks, which the kubelet would send to any host of its network."""
    lifecycle = _object(container.get("lifecycle"))
    handlers = {name: container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")}
    handlers |= {f"lifecycle.{name}": lifecycle.get(name) for name in ("postStart", "preStop")}
    for name, handler in handlers.items():
        for kind in ("httpGet", "tcpSocket"):
            if host := _object(_object(handler).get(kind)).get("host"):
                yield f"{path}.{name}.{kind}.host", f"lets the node send requests to {_short(host)}"


def _context(context: Object, path: str) -> Iterator[Finding]:
    """Check what a pod's and a container's security context have in common."""
    for field, system in (("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")):
        profile = context.get(field)
        if profile is not None and str(_object(profile).get("type")) not in PROFILES:
            yield f"{path}.{field}.type", f"is {_short(_object(profile).get('type'))}, no {system} profile"
    options = _object(context.get("seLinuxOptions"))
    if options.get("type") is not None and str(options["type"]) not in SELINUX_TYPES:
        yield f"{path}.seLinuxOptions.type", f"is {_short(options['type'])}"
    for field in ("user", "role"):
        if options.get(field):
            yield f"{path}.seLinuxOptions.{field}", "is set"
    if _object(context.get("windowsOptions")).get("hostProcess"):
        yield f"{path}.windowsOptions.hostProcess", "runs on the node itself"


def _object(value: Any) -> Object:
    """Return a value where it is an object, as it should be; the API server refuses what is not."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Object]:
    return [_object(one) for one in value] if isinstance(value, list) else []


def _short(value: object) -> str:
    return f"{value!s:.60}"
