// Custom resources that a cluster of the testbed may have. A module of its own,
// because nothing of it is compiled and its requirements are not the server's.
module fireworks.ai/byoc/testbed/crds

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.3
