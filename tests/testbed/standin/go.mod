module fireworks.ai/byoc/testbed/standin

go 1.26.0
