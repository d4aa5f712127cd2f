// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
)

// runEtcd serves one embedded etcd for every cluster of a testbed. It does not
// sync to disk: nothing in a testbed outlives its owner.
func runEtcd() int {
	flags := flag.NewFlagSet("etcd", flag.ExitOnError)
	dataDir := flags.String("data-dir", "", "where the data lies")
	clientURL := flags.String("listen-client-url", "", "where clients connect")
	peerURL := flags.String("listen-peer-url", "", "where peers would connect; etcd asks for one")
	_ = flags.Parse(os.Args[1:])

	config := embed.NewConfig()
	config.Dir = *dataDir
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	config.LogOutputs = []string{"stderr"}
	config.QuotaBackendBytes = 2 << 30
	config.SnapshotCount = 100000
	for _, place := range []struct {
		given  string
		listen *[]url.URL
	}{
		{*clientURL, &config.ListenClientUrls},
		{*peerURL, &config.ListenPeerUrls},
	} {
		parsed, err := url.Parse(place.given)
		if err != nil {
			fmt.Fprintf(os.Stderr, "etcd: %q is not a URL: %v\n", place.given, err)
			return 2
		}
		*place.listen = []url.URL{*parsed}
	}
	// What it tells others stays at the defaults: there are no others.
	config.InitialCluster = config.InitialClusterFromName(config.Name)

	server, err := embed.StartEtcd(config)
	if err != nil {
		fmt.Fprintf(os.Stderr, "etcd: %v\n", err)
		return 1
	}
	defer server.Close()
	select {
	case <-contextOfSignals().Done():
		return 0
	case err := <-server.Err():
		fmt.Fprintf(os.Stderr, "etcd: %v\n", err)
		return 1
	}
}
