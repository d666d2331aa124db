{{- /*
Form sidecar: what follows in initContainers and the containers start when its
startup probe has passed, which is when this site may run. It ends the processes
of the pod that have the given names when the right is lost, so the pod needs
shareProcessNamespace: true, and the sidecar the user that they run as.

  include "stead-gate.sidecar.initContainer" (dict "gate" $gate "processes" (list "worker"))
*/ -}}
{{- define "stead-gate.sidecar.initContainer" -}}
{{- $gate := .gate }}
- name: stead
  {{- include "stead-gate.container" $gate | nindent 2 }}
  restartPolicy: Always
  args:
    - gate
    {{- include "stead-gate.flags" $gate | nindent 4 }}
    {{- include "stead-gate.beats" $gate | nindent 4 }}
    {{- include "stead-gate.listen" $gate | nindent 4 }}
    - --watch
    {{- range .processes }}
    - --stop-process={{ . }}
    {{- end }}
    - --epoch-file={{ $gate.Values.gate.epochFile }}
  ports: {{- include "stead-gate.ports" $gate | nindent 4 }}
  startupProbe: # a standby site waits for as long as it takes: 68 years
    httpGet: {path: /open, port: stead}
    periodSeconds: 1
    failureThreshold: 2147483647
  livenessProbe: {{- include "stead-gate.alive" $gate | nindent 4 }}
  volumeMounts:
    - {name: stead-epoch, mountPath: {{ dir $gate.Values.gate.epochFile }}}
    {{- include "stead-gate.mounts" $gate | trim | nindent 4 }}
{{- end }}

{{- define "stead-gate.sidecar.volumes" -}}
- {name: stead-epoch, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
{{ include "stead-gate.volumes" . | trim }}
{{- end }}

{{- /* Where the workload reads its epoch: gate.epochFile. */ -}}
{{- define "stead-gate.sidecar.mounts" -}}
- {name: stead-epoch, mountPath: {{ dir .Values.gate.epochFile }}, readOnly: true}
{{- end }}

{{- /* Form init: an init container that ends when this site may run. */ -}}
{{- define "stead-gate.init.initContainer" -}}
- name: stead
  {{- include "stead-gate.container" . | nindent 2 }}
  args:
    - gate
    {{- include "stead-gate.flags" . | nindent 4 }}
    {{- include "stead-gate.listen" . | nindent 4 }}
    - --epoch-file={{ .Values.gate.epochFile }}
  volumeMounts:
    - {name: stead-epoch, mountPath: {{ dir .Values.gate.epochFile }}}
    {{- include "stead-gate.mounts" . | trim | nindent 4 }}
{{- end }}

{{- /* Form init: the container that keeps the right whose epoch the init container has left. */ -}}
{{- define "stead-gate.init.container" -}}
{{- $gate := .gate }}
- name: stead-guard
  {{- include "stead-gate.container" $gate | nindent 2 }}
  args:
    - gate
    {{- include "stead-gate.flags" $gate | nindent 4 }}
    {{- include "stead-gate.beats" $gate | nindent 4 }}
    {{- include "stead-gate.listen" $gate | nindent 4 }}
    - --watch
    {{- range .processes }}
    - --stop-process={{ . }}
    {{- end }}
    - --epoch-file={{ $gate.Values.gate.epochFile }}
  ports: {{- include "stead-gate.ports" $gate | nindent 4 }}
  livenessProbe: {{- include "stead-gate.alive" $gate | nindent 4 }}
  volumeMounts:
    - {name: stead-epoch, mountPath: {{ dir $gate.Values.gate.epochFile }}}
    {{- include "stead-gate.mounts" $gate | trim | nindent 4 }}
{{- end }}

{{- define "stead-gate.init.volumes" -}}
{{ include "stead-gate.sidecar.volumes" . }}
{{- end }}

{{- define "stead-gate.init.mounts" -}}
{{ include "stead-gate.sidecar.mounts" . }}
{{- end }}
