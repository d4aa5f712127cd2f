// A Python that was compiled with profiles, packed as a Go module: Go's checksums verify it, and any proxy of modules
// has it. A module of its own, because nothing of it is compiled. tests/tools/interpreter.py unpacks it.
module fireworks.ai/byoc/tests/python

go 1.26.0

require github.com/kluctl/go-embed-python v0.0.0-3.14.6-20260610-1
