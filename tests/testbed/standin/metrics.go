// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
)

type counters struct {
	running, waiting, finished, aborted, iterations, prefixAsked, prefixFound atomic.Int64
}

// metrics has vLLM's names, for what this engine can truthfully say. Each token is one iteration.
func (e *engine) metrics(w http.ResponseWriter, _ *http.Request) {
	running := e.counters.running.Load()
	tokens := e.counters.iterations.Load()
	engine := fmt.Sprintf(`engine="0",model_name=%q`, e.model)
	for _, each := range []struct {
		name, kind, labels string
		value              any
	}{
		{"num_requests_running", "gauge", engine, running},
		{"num_requests_waiting", "gauge", engine, e.counters.waiting.Load()},
		{"kv_cache_usage_perc", "gauge", engine, float64(running) / slots},
		{"num_preemptions_total", "counter", engine, 0},
		{"prefix_cache_queries_total", "counter", engine, e.counters.prefixAsked.Load()},
		{"prefix_cache_hits_total", "counter", engine, e.counters.prefixFound.Load()},
		{"generation_tokens_total", "counter", engine, tokens},
		{"iteration_tokens_total_sum", "", engine, tokens},
		{"iteration_tokens_total_count", "", engine, tokens},
		{"request_success_total", "counter", engine + `,finished_reason="length"`, e.counters.finished.Load()},
		{"request_success_total", "", engine + `,finished_reason="abort"`, e.counters.aborted.Load()},
	} {
		if each.kind != "" {
			fmt.Fprintf(w, "# TYPE vllm:%s %s\n", each.name, each.kind)
		}
		fmt.Fprintf(w, "vllm:%s{%s} %v\n", each.name, each.labels, each.value)
	}
}
