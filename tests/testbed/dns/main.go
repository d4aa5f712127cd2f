// SPDX-License-Identifier: GPL-3.0-or-later

// The cluster DNS of real nodes: CoreDNS, with the plugins that a cluster's has and one for answers that are wrong.
package main

import (
	"io"
	"os"

	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	go func() { // standard input ends when our owner dies
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	coremain.Run()
}
