// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	kwokclient "sigs.k8s.io/kwok/pkg/utils/client"
)

// kwokIdentity is who holds the nodes' leases. It is the same after a restart, so
// a restarted kwok goes on at once instead of waiting for its own leases to expire.
const kwokIdentity = "testbed-kwok"

// runKwok plays the kubelets of every node. Unlike kwok's own command it takes its
// stages from a file, so that no custom resource is left in the cluster, and once: kwok
// holds a stage that changes in a cache that can stay half changed for good (its version
// runs ahead of its contents), and then some pods never start.
func runKwok() int {
	flags := flag.NewFlagSet("kwok", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "how to reach the cluster")
	stages := flags.String("stages", "", "file of kwok Stage objects")
	leaseSeconds := flags.Uint("lease-seconds", 8, "duration of the nodes' leases; 0 writes none")
	podCIDR := flags.String("pod-cidr", "198.19.0.0/16", "where the addresses of pods come from")
	_ = flags.Parse(os.Args[1:])

	ctx := kwoklog.NewContext(contextOfSignals(), kwoklog.NewLogger(os.Stderr, kwoklog.LevelWarn))
	if err := playKubelets(ctx, *kubeconfig, *stages, *leaseSeconds, *podCIDR); err != nil {
		fmt.Fprintf(os.Stderr, "kwok: %v\n", err)
		return 1
	}
	return 0
}

func playKubelets(ctx context.Context, kubeconfig, stages string, leaseSeconds uint, podCIDR string) error {
	clients, err := kwokclient.NewClientset("", kubeconfig)
	if err != nil {
		return err
	}
	restConfig, err := clients.ToRESTConfig()
	if err != nil {
		return err
	}
	dynamicClient, err := clients.ToDynamicClient()
	if err != nil {
		return err
	}
	restMapper, err := clients.ToRESTMapper()
	if err != nil {
		return err
	}
	restClient, err := rest.RESTClientFor(restConfig)
	if err != nil {
		return err
	}
	typedClient, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return err
	}
	simulated, err := readStages(stages)
	if err != nil {
		return err
	}
	controller, err := controllers.NewController(controllers.Config{
		Clock:                      clock.RealClock{},
		DynamicClient:              dynamicClient,
		RESTClient:                 restClient,
		RESTMapper:                 restMapper,
		ImpersonatingDynamicClient: clients.ToImpersonatingDynamicClient(),
		ImpersonatingTypedClient:   clients.ToImpersonatingTypedClient(),
		TypedClient:                typedClient,
		LocalStages:                simulated,
		ManageAllNodes:             true,
		CIDR:                       podCIDR,
		PodPlayStageParallelism:    8,
		NodePlayStageParallelism:   4,
		NodeLeaseParallelism:       8,
		NodeLeaseDurationSeconds:   leaseSeconds,
		PodsOnNodeSyncParallelism:  2,
		ID:                         kwokIdentity,
	})
	if err != nil {
		return err
	}
	if err := controller.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
