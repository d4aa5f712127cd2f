// Programs that alerts are tested with. Apart from the others, so that a new version here builds nothing of them anew.
// Alertmanager is the version that stack release 2026.12.0 runs.
module fireworks.ai/byoc/testbed/parts/alerting

go 1.26.0

require (
	github.com/prometheus/alertmanager v0.28.1
	github.com/slok/sloth v0.16.0
)
