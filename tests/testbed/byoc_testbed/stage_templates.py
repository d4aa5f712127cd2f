# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each stage writes into the status of a pod or a node: templates in kwok's language."""

from __future__ import annotations

NODE_READY = """
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
{{ if not .status.allocatable }}
capacity: {cpu: "64", memory: 512Gi, pods: "250"}
allocatable: {cpu: "64", memory: 512Gi, pods: "250"}
{{ end }}
"""

START = """
{{ $now := Now }}
{{ $ready := "True" }}
{{ if eq .spec.restartPolicy "Always" }}{{ $ready = "False" }}{{ end }}
conditions:
- {type: PodReadyToStartContainers, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ range $type := list "Ready" "ContainersReady" }}
- type: {{ $type }}
  status: {{ $ready | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  {{ if eq $ready "False" }}
  reason: ContainersNotReady
  message: 'containers with unready status: [{{ range $i, $c := $.spec.containers }}{{ if $i }} {{ end }}
    {{- $c.name }}{{ end }}]'
  {{ end }}
{{ end }}
{{ if .spec.initContainers }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  {{ if eq .restartPolicy "Always" }}
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  started: false
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: {{ eq $ready "True" }}
  started: {{ not .startupProbe }}
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
hostIPs:
- ip: {{ NodeIPWith .spec.nodeName | Quote }}
{{ $meta := .metadata }}
{{ $ip := PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) $meta.uid $meta.name $meta.namespace }}
podIP: {{ $ip | Quote }}
podIPs:
- ip: {{ $ip | Quote }}
phase: Running
startTime: {{ $now | Quote }}
"""

IMAGE_PULL = """
{{ $now := Now }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state: {waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image {{ .image }}'}}
{{ end }}
phase: Pending
startTime: {{ $now | Quote }}
"""


def ready(status: str) -> str:
    """The containers run, and are ready or not."""
    reason = "" if status == "True" else "reason: ContainersNotReady, message: a container is not ready,"
    return (
        """
{{ $now := Now }}
{{ $root := . }}
conditions:
- {type: Ready, status: "STATUS", REASON lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "STATUS", REASON lastTransitionTime: {{ $now | Quote }}}
{{ range .spec.readinessGates }}
- {type: {{ .conditionType | Quote }}, status: "STATUS", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $was := index $root.status.containerStatuses $index }}
- name: {{ $item.name | Quote }}
  image: {{ $item.image | Quote }}
  imageID: ""
  ready: READY
  started: true
  restartCount: {{ or $was.restartCount 0 }}
  state: {running: {startedAt: {{ $was.state.running.startedAt | Quote }}}}
{{ end }}
""".replace("STATUS", status)
        .replace("REASON", reason)
        .replace("READY", "true" if status == "True" else "false")
    )


_TERMINATED = """{terminated: {exitCode: {{ or ( index $notes "testbed/exit-code" ) 1 }},
    reason: {{ or ( index $notes "testbed/exit-reason" ) "Error" | Quote }},
    startedAt: {{ $was.state.running.startedAt | Quote }}, finishedAt: {{ $now | Quote }}}}"""

CRASH = f"""
{{{{ $now := Now }}}}
{{{{ $root := . }}}}
{{{{ $notes := or .metadata.annotations dict }}}}
conditions:
- {{type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{{{ $now | Quote }}}}}}
containerStatuses:
{{{{ range $index, $item := .spec.containers }}}}
{{{{ $was := index $root.status.containerStatuses $index }}}}
- name: {{{{ $item.name | Quote }}}}
  image: {{{{ $item.image | Quote }}}}
  imageID: ""
  ready: false
  started: false
  restartCount: {{{{ or $was.restartCount 0 }}}}
  state:
    running: null
    waiting: {{reason: CrashLoopBackOff, message: 'back-off restarting failed container {{{{ $item.name }}}}'}}
  lastState: {_TERMINATED}
{{{{ end }}}}
"""

RESTART = """
{{ $now := Now }}
{{ $root := . }}
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $was := index $root.status.containerStatuses $index }}
- name: {{ $item.name | Quote }}
  image: {{ $item.image | Quote }}
  imageID: ""
  ready: false
  started: {{ not $item.startupProbe }}
  restartCount: {{ add ( or $was.restartCount 0 ) 1 }}
  state:
    waiting: null
    running: {startedAt: {{ $now | Quote }}}
{{ end }}
"""

END = """
{{ $now := Now }}
{{ $root := . }}
{{ $notes := or .metadata.annotations dict }}
{{ $phase := "%s" }}
conditions:
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $was := index $root.status.containerStatuses $index }}
- name: {{ $item.name | Quote }}
  image: {{ $item.image | Quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: {{ or $was.restartCount 0 }}
  state:
    running: null
    terminated:
      startedAt: {{ $was.state.running.startedAt | Quote }}
      finishedAt: {{ $now | Quote }}
      {{ if eq $phase "Succeeded" }}
      exitCode: 0
      reason: Completed
      {{ else }}
      exitCode: {{ or ( index $notes "testbed/exit-code" ) 1 }}
      reason: {{ or ( index $notes "testbed/exit-reason" ) "Error" | Quote }}
      {{ end }}
{{ end }}
phase: {{ $phase }}
"""
