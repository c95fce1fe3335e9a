# shellcheck shell=bash
# A throw-away CA; every part of the cluster identifies itself by a certificate of it. There are no static tokens.

make_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=localcluster-ca" \
    -keyout "$STATE/pki/ca.key" -out "$STATE/pki/ca.crt" 2>/dev/null
}

# make_cert NAME SUBJECT [SUBJECT_ALT_NAMES]
make_cert() {
  local base=$STATE/pki/$1
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" -keyout "$base.key" -out "$base.csr" 2>/dev/null
  openssl x509 -req -days 365 -in "$base.csr" -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -CAcreateserial \
    -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\n'; [ -z "${3:-}" ] || printf 'subjectAltName=%s\n' "$3") \
    -out "$base.crt" 2>/dev/null
  rm "$base.csr"
}

# make_kubeconfig FILE CERTIFICATE_NAME: self-contained, so that it can be copied.
make_kubeconfig() {
  local pki=$STATE/pki
  (
    umask 077
    cat >"$1" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: localcluster
  cluster: {server: "$API_URL", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}
users:
- name: $2
  user: {client-certificate-data: $(base64 -w0 "$pki/$2.crt"), client-key-data: $(base64 -w0 "$pki/$2.key")}
contexts:
- name: localcluster
  context: {cluster: localcluster, user: $2}
current-context: localcluster
YAML
  )
}

make_pki() {
  make_ca
  make_cert apiserver /CN=kube-apiserver \
    "IP:$NODE_IP,IP:198.19.0.1,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  make_cert apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  make_cert kubelet "/O=system:nodes/CN=system:node:$NODE" "IP:$NODE_IP,DNS:$NODE"
  make_cert admin /O=system:masters/CN=admin
  make_cert controller-manager /CN=system:kube-controller-manager
  make_cert scheduler /CN=system:kube-scheduler
  make_cert proxy /CN=system:kube-proxy
  make_cert prometheus /CN=prometheus
  openssl ecparam -name prime256v1 -genkey -noout -out "$STATE/pki/service-account.key" 2>/dev/null
  make_kubeconfig "$KUBECONFIG_FILE" admin
  local name
  for name in kubelet controller-manager scheduler proxy; do make_kubeconfig "$STATE/pki/$name.kubeconfig" "$name"; done
}
