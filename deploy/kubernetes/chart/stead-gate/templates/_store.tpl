{{- /* The URL of the store. */ -}}
{{- define "stead-gate.store" -}}
{{- if eq .Values.store.version "share" -}}
folder:{{ clean (printf "%s/%s" .Values.store.share.mountPath .Values.store.share.folder) }}
{{- else -}}
{{ .Values.store.lease.url | default (printf "kubernetes:///%s" .Release.Namespace) }}
{{- end }}
{{- end }}

{{- /* "true" where the store is Leases of the cluster that the release is in. */ -}}
{{- define "stead-gate.inCluster" -}}
{{- $url := include "stead-gate.store" . }}
{{- if and (hasPrefix "kubernetes:" $url) (not (contains "server=" $url)) }}true{{ end }}
{{- end }}

{{- /* The namespace of the Leases. */ -}}
{{- define "stead-gate.namespace" -}}
{{- $path := include "stead-gate.store" . | trimPrefix "kubernetes:///" }}
{{- $path | splitList "?" | first | splitList "/" | first | default .Release.Namespace }}
{{- end }}

{{- /* Volumes of the store, and where they are mounted. Only the container that has the mounts can use the service account. */ -}}
{{- define "stead-gate.volumes" -}}
{{- if eq .Values.store.version "share" }}
- name: stead-share
  {{- if not .Values.store.share.volume }}{{ fail "store.share.volume: the volume is missing, for example persistentVolumeClaim: {claimName: heartbeat}" }}{{ end }}
  {{- toYaml .Values.store.share.volume | nindent 2 }}
{{- else }}
{{- with .Values.store.lease.secret }}
- name: stead-store
  secret: {secretName: {{ . | quote }}, defaultMode: 0440}
{{- end }}
{{- if include "stead-gate.inCluster" . }}
- name: stead-account
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
{{- end }}
{{- end }}

{{- define "stead-gate.mounts" -}}
{{- if eq .Values.store.version "share" }}
- {name: stead-share, mountPath: {{ .Values.store.share.mountPath | quote }}}
{{- else }}
{{- if .Values.store.lease.secret }}
- {name: stead-store, mountPath: /etc/stead/store, readOnly: true}
{{- end }}
{{- if include "stead-gate.inCluster" . }}
- {name: stead-account, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}
{{- end }}
{{- end }}
