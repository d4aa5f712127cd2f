# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every field of a pod in the API of Kubernetes, once, and whether a pod of ours may have it.

What is not named here is refused by the API server. A test compares the table with the API that a server of the newest
supported version serves, so that somebody decides about each new field.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fields:
    """The fields of one type of the API, by what is said of them; and where in a pod there are objects of the type.

    :param at: paths that begin with a variable: ``pods``, ``containers``, ``debuggers`` (ephemeral containers) or
        ``all`` of these containers. ``[]`` is a list.
    :param harmless: the stack or the models use them, or they can do nothing to anybody else.
    :param ruled: allowed, and a rule says which content: of a type below, in ``pod_values`` or in ``workloads``.
    :param on_pods: the API server or a controller puts them on a pod; no template has them.
    :param on_openshift: the same, and only OpenShift does.
    :param refused: nothing of ours uses them.
    """

    at: tuple[str, ...]
    harmless: str = ""
    ruled: str = ""
    on_pods: str = ""
    on_openshift: str = ""
    refused: str = ""

    @property
    def named(self) -> list[str]:
        """All of them."""
        return " ".join((self.harmless, self.ruled, self.on_pods, self.on_openshift, self.refused)).split()

    @property
    def allowed(self) -> list[str]:
        """Those that pods and templates may have."""
        return f"{self.harmless} {self.ruled}".split()

    def allowed_on_pods(self, openshift: bool) -> list[str]:
        """Those that only a pod itself may have."""
        return f"{self.on_pods} {self.on_openshift if openshift else ''}".split()


_IN_CONTAINER = (
    "env image lifecycle livenessProbe ports readinessProbe resources securityContext startupProbe volumeMounts"
)
_OF_CONTAINER = (
    "args command imagePullPolicy name restartPolicy terminationMessagePath terminationMessagePolicy"  # what it runs
)
_BETWEEN_PODS = ("podAffinity", "podAntiAffinity")
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")

POD_FIELDS = {
    "PodSpec": Fields(
        at=("pods",),
        harmless="automountServiceAccountToken enableServiceLinks nodeSelector restartPolicy topologySpreadConstraints",
        ruled=(
            "affinity containers dnsPolicy ephemeralContainers hostIPC hostNetwork hostPID initContainers"
            " priorityClassName resourceClaims schedulerName securityContext serviceAccount serviceAccountName"
            " terminationGracePeriodSeconds tolerations volumes"
        ),
        on_pods="activeDeadlineSeconds hostname imagePullSecrets nodeName preemptionPolicy priority subdomain",
        refused=(
            "dnsConfig hostAliases hostUsers hostnameOverride os overhead readinessGates resources runtimeClassName"
            " schedulingGates schedulingGroup setHostnameAsFQDN shareProcessNamespace"
        ),
    ),
    "PodSecurityContext": Fields(
        at=("pods.securityContext",),
        harmless="fsGroup runAsGroup",
        ruled="runAsNonRoot runAsUser seccompProfile",
        on_openshift="seLinuxOptions",
        refused=(
            "appArmorProfile fsGroupChangePolicy seLinuxChangePolicy supplementalGroups supplementalGroupsPolicy"
            " sysctls windowsOptions"
        ),
    ),
    "Toleration": Fields(at=("pods.tolerations[]",), harmless="operator tolerationSeconds value", ruled="effect key"),
    # What a pod requires or prefers of others holds of them too: anti-affinity would keep other people's off a node.
    # Without namespaces it is about pods in its own namespace only.
    "Affinity": Fields(at=("pods.affinity",), ruled="podAffinity podAntiAffinity", on_pods="nodeAffinity"),
    "PodAffinity": Fields(
        at=("pods.affinity.podAffinity",), ruled=_PREFERRED, refused="requiredDuringSchedulingIgnoredDuringExecution"
    ),
    "PodAntiAffinity": Fields(
        at=("pods.affinity.podAntiAffinity",),
        ruled=_PREFERRED,
        refused="requiredDuringSchedulingIgnoredDuringExecution",
    ),
    "WeightedPodAffinityTerm": Fields(
        at=tuple(f"pods.affinity.{kind}.{_PREFERRED}[]" for kind in _BETWEEN_PODS),
        harmless="weight",
        ruled="podAffinityTerm",
    ),
    "PodAffinityTerm": Fields(
        at=tuple(f"pods.affinity.{kind}.{_PREFERRED}[].podAffinityTerm" for kind in _BETWEEN_PODS),
        harmless="labelSelector topologyKey",
        refused="matchLabelKeys mismatchLabelKeys namespaceSelector namespaces",
    ),
    "Volume": Fields(
        at=("pods.volumes[]",),
        harmless="name",
        ruled="configMap emptyDir hostPath persistentVolumeClaim projected secret",
        refused=(
            "awsElasticBlockStore azureDisk azureFile cephfs cinder csi downwardAPI ephemeral fc flexVolume flocker"
            " gcePersistentDisk gitRepo glusterfs image iscsi nfs photonPersistentDisk portworxVolume quobyte rbd"
            " scaleIO storageos vsphereVolume"
        ),
    ),
    "ConfigMapVolumeSource": Fields(
        at=("pods.volumes[].configMap",), harmless="defaultMode name", refused="items optional"
    ),
    "EmptyDirVolumeSource": Fields(at=("pods.volumes[].emptyDir",), ruled="medium sizeLimit"),
    "PersistentVolumeClaimVolumeSource": Fields(
        at=("pods.volumes[].persistentVolumeClaim",), ruled="claimName readOnly"
    ),
    "SecretVolumeSource": Fields(
        at=("pods.volumes[].secret",), harmless="defaultMode", ruled="secretName", refused="items optional"
    ),
    "ProjectedVolumeSource": Fields(at=("pods.volumes[].projected",), harmless="defaultMode", ruled="sources"),
    # The token of its account that Kubernetes gives a pod, with what belongs to it; and what the router reads.
    "VolumeProjection": Fields(
        at=("pods.volumes[].projected.sources[]",),
        ruled="configMap",
        on_pods="downwardAPI serviceAccountToken",
        refused="clusterTrustBundle podCertificate secret",
    ),
    "ServiceAccountTokenProjection": Fields(
        at=("pods.volumes[].projected.sources[].serviceAccountToken",),
        harmless="path",
        ruled="audience expirationSeconds",
    ),
    "ConfigMapProjection": Fields(
        at=("pods.volumes[].projected.sources[].configMap",), harmless="items", ruled="name", refused="optional"
    ),
    "Container": Fields(
        at=("containers",),
        harmless=_OF_CONTAINER,
        ruled=_IN_CONTAINER,
        on_pods="resizePolicy",
        refused="envFrom restartPolicyRules stdin stdinOnce tty volumeDevices workingDir",
    ),
    # Only the customer may add one to a pod that runs, to look into it.
    "EphemeralContainer": Fields(
        at=("debuggers",),
        harmless=f"{_OF_CONTAINER} stdin stdinOnce targetContainerName tty",
        ruled=_IN_CONTAINER,
        on_pods="resizePolicy",
        refused="envFrom restartPolicyRules volumeDevices workingDir",
    ),
    "SecurityContext": Fields(
        at=("all.securityContext",),
        harmless="readOnlyRootFilesystem runAsGroup",
        ruled="allowPrivilegeEscalation capabilities privileged runAsNonRoot runAsUser seccompProfile",
        on_openshift="seLinuxOptions",
        refused="appArmorProfile procMount windowsOptions",
    ),
    "Capabilities": Fields(at=("all.securityContext.capabilities",), ruled="add drop"),
    "SeccompProfile": Fields(
        at=("pods.securityContext.seccompProfile", "all.securityContext.seccompProfile"),
        ruled="type",
        refused="localhostProfile",
    ),
    "SELinuxOptions": Fields(
        at=("pods.securityContext.seLinuxOptions", "all.securityContext.seLinuxOptions"),
        harmless="level",
        refused="role type user",
    ),
    "EnvVar": Fields(at=("all.env[]",), harmless="value", ruled="name valueFrom"),
    "EnvVarSource": Fields(
        at=("all.env[].valueFrom",),
        harmless="fieldRef",
        refused="configMapKeyRef fileKeyRef resourceFieldRef secretKeyRef",
    ),
    "ContainerPort": Fields(
        at=("all.ports[]",), harmless="containerPort name protocol", ruled="hostPort", refused="hostIP"
    ),
    "VolumeMount": Fields(
        at=("all.volumeMounts[]",),
        harmless="name readOnly",
        ruled="mountPath",
        refused="mountPropagation recursiveReadOnly subPath subPathExpr",
    ),
    "ResourceRequirements": Fields(at=("all.resources",), ruled="limits requests", refused="claims"),
    "Probe": Fields(
        at=tuple(f"all.{probe}" for probe in _PROBES),
        harmless="failureThreshold initialDelaySeconds periodSeconds successThreshold timeoutSeconds",
        ruled="httpGet",
        refused="exec grpc tcpSocket terminationGracePeriodSeconds",
    ),
    "HTTPGetAction": Fields(
        at=tuple(f"all.{probe}.httpGet" for probe in _PROBES),
        harmless="path port scheme",
        refused="host httpHeaders",
    ),
    "Lifecycle": Fields(at=("all.lifecycle",), ruled="preStop", refused="postStart stopSignal"),
    "LifecycleHandler": Fields(at=("all.lifecycle.preStop",), harmless="sleep", refused="exec httpGet tcpSocket"),
}
"""By type of the API."""
