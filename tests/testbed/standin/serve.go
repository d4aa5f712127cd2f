// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// patience is how long a stand-in that was asked to stop may go on with what it has begun.
const patience = 100 * time.Second

// serve answers until it is asked to stop, and then finishes what it has begun. Where its server was closed on purpose
// it goes on doing nothing.
func serve(server *http.Server, patience time.Duration, closed func() bool) int {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		if closed() {
			<-stop.Done()
			return 0
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	case <-stop.Done():
	}
	end, done := context.WithTimeout(context.Background(), patience)
	defer done()
	if err := server.Shutdown(end); err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// playHealth is a component that has nothing to do here but to be healthy, such as the telemetry.
func playHealth(arguments []string) int {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", answerOK)
	server := &http.Server{Addr: flagValue(arguments, "web.listen-address", "0.0.0.0:9090"), Handler: mux}
	return serve(server, patience, func() bool { return false })
}

func answerOK(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") }

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// flagValue finds --name=value.
func flagValue(arguments []string, name, otherwise string) string {
	for _, each := range arguments {
		if value, found := strings.CutPrefix(each, "--"+name+"="); found {
			return value
		}
	}
	return otherwise
}
