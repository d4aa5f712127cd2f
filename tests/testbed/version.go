// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// printVersions tells what this binary was built from, one "name version" a line.
func printVersions() int {
	fmt.Println("go", runtime.Version())
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return 1
	}
	told := map[string]bool{
		"k8s.io/kubernetes":         true,
		"go.etcd.io/etcd/server/v3": true,
		"sigs.k8s.io/kwok":          true,
		"sigs.k8s.io/gateway-api":   true,
	}
	for _, module := range info.Deps {
		if told[module.Path] {
			fmt.Println(module.Path, module.Version)
		}
	}
	return 0
}
