{{/* Name of the chart, within what a label can hold. */}}
{{- define "modelprofiler.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the release's objects. */}}
{{- define "modelprofiler.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Name of what has no namespace: two releases of one name, in two namespaces, must not share it. */}}
{{- define "modelprofiler.clusterName" -}}
{{- printf "%s-%s" (include "modelprofiler.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "modelprofiler.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "modelprofiler.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The account whose tokens kubelets get; empty where there is none. */}}
{{- define "modelprofiler.kubeletAccountName" -}}
{{- if .Values.kubelet.serviceAccount.create -}}
{{- default (printf "%s-kubelet" (include "modelprofiler.fullname" . | trunc 55 | trimSuffix "-")) .Values.kubelet.serviceAccount.name -}}
{{- else -}}
{{- .Values.kubelet.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "modelprofiler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "modelprofiler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "modelprofiler.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "modelprofiler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* An image reference of (dict "image" … "root" $): by digest where there is one, else by tag. */}}
{{- define "modelprofiler.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The subject of every binding. */}}
{{- define "modelprofiler.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "modelprofiler.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* The resources of workloadKinds by API group, as YAML: {apps: [deployments, …]}. */}}
{{- define "modelprofiler.workloadGroups" -}}
{{- $groups := dict }}
{{- range .Values.workloadKinds }}
{{- $parts := splitList "/" .apiVersion }}
{{- $group := ternary (first $parts) "" (eq (len $parts) 2) }}
{{- $_ := set $groups $group (append (get $groups $group | default list) .resource | uniq) }}
{{- end }}
{{- toYaml $groups }}
{{- end }}
