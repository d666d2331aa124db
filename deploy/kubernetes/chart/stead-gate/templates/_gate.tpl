{{- /*
What a chart that has this one as a dependency puts into its pods. Each takes the
scope of this chart: {{ $gate := index .Subcharts "stead-gate" }}.

  stead-gate.exec.*      the gate starts the workload's command and ends it (recommended)
  stead-gate.sidecar.*   the gate is a native sidecar, before the workload and beside it
  stead-gate.init.*      an init container opens once, a second container guards

Every form needs stead-gate.FORM.volumes in the pod's volumes.
*/ -}}

{{- define "stead-gate.annotations" -}}
{{- if .Values.metrics.annotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .Values.metrics.port | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}

{{- /* What every gate is told. */ -}}
{{- define "stead-gate.flags" -}}
- --site={{ include "stead-gate.site" . }}
- --other={{ include "stead-gate.other" . }}
- --store={{ include "stead-gate.store" . }}
{{- if .Values.preferred }}
- --preferred
{{- end }}
{{- range .Values.gate.witnesses }}
- --witness={{ . }}
{{- end }}
- --format={{ .Values.format }}
- --flatline={{ .Values.timing.flatline }}
- --stop-after={{ .Values.timing.stopAfter }}
- --grace={{ .Values.timing.grace }}
{{- end }}

{{- /* One process writes the heartbeat of a site. */ -}}
{{- define "stead-gate.beats" -}}
{{- if and .Values.gate.beat .Values.beat.enabled }}{{ fail "gate.beat: the heartbeat has a Deployment that writes it: set beat.enabled to false" }}{{ end -}}
- --beat={{ ternary .Values.timing.period "0" .Values.gate.beat }}
{{- end }}

{{- define "stead-gate.listen" -}}
- --listen={{ .Values.metrics.address }}:{{ .Values.metrics.port }}
{{- end }}

{{- define "stead-gate.container" -}}
image: {{ include "stead-gate.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
resources: {{- toYaml .Values.gate.resources | nindent 2 }}
{{- end }}

{{- define "stead-gate.ports" -}}
- {name: stead, containerPort: {{ .Values.metrics.port }}}
{{- end }}

{{- define "stead-gate.alive" -}}
httpGet: {path: /healthz, port: stead}
periodSeconds: 10
timeoutSeconds: 3
failureThreshold: 6
{{- end }}

{{- /* Form exec: an init container that puts the program where the workload's container finds it. */ -}}
{{- define "stead-gate.exec.initContainer" -}}
- name: stead
  {{- include "stead-gate.container" . | nindent 2 }}
  args: [copy, /stead/stead]
  volumeMounts:
    - {name: stead-program, mountPath: /stead}
{{- end }}

{{- /* Form exec: the beginning of the workload's command; the command itself follows. */ -}}
{{- define "stead-gate.exec.command" -}}
- /stead/stead
- gate
{{ include "stead-gate.flags" . }}
{{ include "stead-gate.beats" . }}
{{ include "stead-gate.listen" . }}
- --exec
- --
{{- end }}

{{- define "stead-gate.exec.mounts" -}}
- {name: stead-program, mountPath: /stead, readOnly: true}
{{ include "stead-gate.mounts" . | trim }}
{{- end }}

{{- define "stead-gate.exec.volumes" -}}
- {name: stead-program, emptyDir: {}}
{{ include "stead-gate.volumes" . | trim }}
{{- end }}
