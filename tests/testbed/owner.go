// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// ownerVariable holds the process id of the driver that started this process.
// Without it (someone runs the binary by hand) nothing is watched.
const ownerVariable = "BYOC_TESTBED_OWNER"

// dieWithOwner ends this process at once when its owner is gone, even by kill -9.
//
// Standard input is a pipe whose other end only the owner holds, so its end of
// file is the owner's death. Should a forked child of the owner hold that end too,
// the change of parent shows it. (The kernel's parent death signal would not do: it
// is sent when the thread that started us ends.)
func dieWithOwner() {
	owner, err := strconv.Atoi(os.Getenv(ownerVariable))
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	go func() {
		for os.Getppid() == owner {
			time.Sleep(500 * time.Millisecond)
		}
		os.Exit(0)
	}()
}

// contextOfSignals is done when this process is asked to stop.
func contextOfSignals() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	return ctx
}
