// SPDX-License-Identifier: GPL-3.0-or-later

// What runs in the testbed's real pods, instead of what a customer's cluster would pull: one static program and
// nothing else in the image, so that an image needs no registry and no distribution.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// commands maps the name that this program is started by, or its first argument, to what it plays.
var commands = map[string]func(arguments []string) int{
	"vllm":       playEngine,
	"idle":       playIdle,
	"health":     playHealth,
	"load":       playLoad,
	"nvidia-smi": playSMI,
}

func main() {
	arguments := os.Args[1:]
	name := filepath.Base(os.Args[0])
	if commands[name] == nil && len(arguments) > 0 {
		name, arguments = arguments[0], arguments[1:]
	}
	play := commands[name]
	if play == nil {
		fmt.Fprintf(os.Stderr, "%s: there is no stand-in of this name\n", name)
		os.Exit(2)
	}
	os.Exit(play(arguments))
}
