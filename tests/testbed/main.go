// SPDX-License-Identifier: GPL-3.0-or-later

// The testbed binary: every process of a small Kubernetes in one executable,
// chosen by its first argument. Only the chosen command is constructed, because
// several of them register flags and metrics in the same global places.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// commands maps the first argument to what runs it and gives the exit status.
var commands = map[string]func() int{
	"etcd":                    runEtcd,
	"kwok":                    runKwok,
	"version":                 printVersions,
	"kube-apiserver":          cobraCommand(apiserver.NewAPIServerCommand),
	"kube-controller-manager": cobraCommand(controllermanager.NewControllerManagerCommand),
	"kube-scheduler":          cobraCommand(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubelet":                 kubeletCommand,
	"kube-proxy":              cobraCommand(proxy.NewProxyCommand),
}

func main() {
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	run, ok := commands[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "usage: %s COMMAND [options]; COMMAND is one of: %s\n", os.Args[0], names())
		os.Exit(2)
	}
	os.Args = append([]string{name}, os.Args[2:]...)
	dieWithOwner()
	os.Exit(run())
}

func cobraCommand(build func() *cobra.Command) func() int {
	return func() int { return cli.Run(build()) }
}

func kubeletCommand() int {
	return cli.Run(kubelet.NewKubeletCommand(contextOfSignals()))
}

func names() string {
	all := make([]string, 0, len(commands))
	for name := range commands {
		all = append(all, name)
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}
