{{- /* The name of what the release consists of. */ -}}
{{- define "stead-gate.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "stead-gate.account" -}}
{{ .Values.serviceAccount.name | default (ternary (include "stead-gate.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "stead-gate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "stead-gate.labels" -}}
{{ include "stead-gate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "stead-gate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "stead-gate.site" -}}
{{ required "site: the name of this site is missing" .Values.site }}
{{- end }}

{{- define "stead-gate.other" -}}
{{- $other := required "other: the name of the other site is missing" .Values.other }}
{{- if eq $other .Values.site }}{{ fail (printf "other: %q is this site itself" $other) }}{{ end }}
{{- $other }}
{{- end }}
