# shellcheck shell=bash
# The configuration of each program, and how each is started.

write_containerd_config() {
  cat >"$STATE/containerd.toml" <<TOML
version = 2
root = "$STATE/containerd"
state = "$RUN/containerd"
[grpc]
  address = "$SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  # Without CAP_SYS_RESOURCE (a machine that is itself a container) scores below our own cannot be set.
  restrict_oom_score_adj = true
  # Non-root containers may listen on port 80, as on every current cluster.
  enable_unprivileged_ports = true
  # Else every pod leaves a file in /run/netns when it is ended by force.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$STATE/cni"
TOML
  # ptp, not bridge: packets between pods then cross the node's IP layer, where kube-proxy's NAT sees the answers too,
  # without the br_netfilter module that a machine may not have.
  mkdir -p "$STATE/cni"
  cat >"$STATE/cni/10-localcluster.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "localcluster", "plugins": [
  {"type": "ptp", "ipam": {"type": "host-local", "subnet": "$POD_CIDR", "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
}

write_kubelet_config() {
  cat >"$STATE/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
# Works on either cgroup version; 1.35 refuses version 1 unless told.
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: ${CLUSTER:+/$POD_CGROUP}
containerRuntimeEndpoint: unix://$SOCKET
podLogsDir: $STATE/log/pods
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $STATE/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $STATE/pki/kubelet.crt
tlsPrivateKeyFile: $STATE/pki/kubelet.key
# Nobody answers there; a Service without endpoints makes lookups fail at once (see write_bootstrap_manifest).
clusterDNS: [198.19.0.10]
clusterDomain: cluster.local
failSwapOn: false
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
# Images come from archives only: one that was collected could not be pulled again.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
maxPods: 200
serializeImagePulls: false
nodeStatusUpdateFrequency: 5s
YAML
  cat >"$STATE/proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $STATE/pki/proxy.kubeconfig}
clusterCIDR: $POD_CIDR
hostnameOverride: $NODE
nodeIPOverride: [$NODE_IP]
# The sysctls of the connection table belong to the machine, not to the namespace.
conntrack: {maxPerCore: 0, min: 0}
YAML
}

# As kube-prometheus scrapes it: the kubelet's cAdvisor, cAdvisor's own timestamps kept, labels job and metrics_path.
write_prometheus_config() {
  cat >"$STATE/prometheus.yaml" <<YAML
global: {scrape_interval: ${SAMPLING:-15s}, scrape_timeout: ${SAMPLING:-10s}}
scrape_configs:
- job_name: kubelet
  scheme: https
  metrics_path: /metrics/cadvisor
  honor_timestamps: true
  honor_labels: true
  tls_config: {ca_file: $STATE/pki/ca.crt, cert_file: $STATE/pki/prometheus.crt, key_file: $STATE/pki/prometheus.key}
  file_sd_configs: [{files: [$STATE/targets.json]}]   # of every node, see lib/node.sh
YAML
}

write_bootstrap_manifest() {
  cat >"$STATE/bootstrap.yaml" <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: localcluster-prometheus}
rules: [{apiGroups: [""], resources: [nodes/metrics], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: localcluster-prometheus}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: localcluster-prometheus}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: prometheus}]
---
# There is no DNS server. Without endpoints kube-proxy rejects what is sent here: a lookup fails at once, not in 5 s.
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {clusterIP: 198.19.0.10, ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]}
YAML
}

# component NAME READY COMMAND…: one entry for the supervisor. READY is a URL or a socket's path to wait for, or "".
component() {
  system_python -c '
import json, sys
name, ready, *argv = sys.argv[1:]
print(json.dumps({"name": name, "ready": ready, "argv": argv, "log": f"'"$STATE"'/log/{name}.log"}))' "$@"
}

# In the order in which they start; one JSON object a line.
write_supervisor_config() {
  local bin pki=$STATE/pki
  bin=$(bin_dir)
  {
    component etcd http://127.0.0.1:2379/health etcd --data-dir "$STATE/etcd" --log-level warn \
      --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
      --listen-peer-urls http://127.0.0.1:2380
    component containerd "$SOCKET" containerd --config "$STATE/containerd.toml"
    component apiserver "$API_URL/readyz" "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
      --bind-address="$NODE_IP" --advertise-address="$NODE_IP" --secure-port=6443 \
      --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
      --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" \
      --kubelet-client-key="$pki/apiserver-kubelet-client.key" --kubelet-certificate-authority="$pki/ca.crt" \
      --kubelet-preferred-address-types=InternalIP --authorization-mode=Node,RBAC \
      --enable-admission-plugins=NodeRestriction --service-account-issuer=https://kubernetes.default.svc \
      --service-account-key-file="$pki/service-account.key" \
      --service-account-signing-key-file="$pki/service-account.key" --service-cluster-ip-range="$SERVICE_CIDR" \
      --allow-privileged=true --profiling=false
    component controller-manager https://127.0.0.1:10257/healthz "$bin/kube-controller-manager" \
      --kubeconfig="$pki/controller-manager.kubeconfig" --use-service-account-credentials --leader-elect=false \
      --service-account-private-key-file="$pki/service-account.key" --root-ca-file="$pki/ca.crt" \
      --cluster-cidr="$POD_CIDR" --profiling=false
    component scheduler https://127.0.0.1:10259/healthz "$bin/kube-scheduler" \
      --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false --profiling=false
    # --containerd: without it cAdvisor knows no container names.
    component kubelet http://127.0.0.1:10248/healthz "$bin/kubelet" --config="$STATE/kubelet.yaml" \
      --kubeconfig="$pki/kubelet.kubeconfig" --root-dir="$STATE/kubelet" --cert-dir="$pki" --containerd="$SOCKET" \
      --hostname-override="$NODE" --node-ip="$NODE_IP" --housekeeping-interval="${SAMPLING:-10s}"
    component proxy http://127.0.0.1:10256/healthz "$bin/kube-proxy" --config="$STATE/proxy.yaml"
    component prometheus "$PROMETHEUS_URL/-/ready" prometheus --config.file="$STATE/prometheus.yaml" \
      --storage.tsdb.path="$STATE/prometheus" --storage.tsdb.retention.time=1d --web.listen-address="$NODE_IP:9090"
  } >"$RUN/supervisor.json"
}
