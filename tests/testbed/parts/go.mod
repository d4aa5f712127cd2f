// Programs that run beside a cluster of the testbed, each built from its own module with the versions that this pins.
// A module of its own, because nothing here is compiled together with the server.
module fireworks.ai/byoc/testbed/parts

go 1.26.0

require (
	github.com/kedacore/keda/v2 v2.21.0
	github.com/prometheus/prometheus v0.315.0
)
