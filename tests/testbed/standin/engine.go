// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// How many requests an engine works on at once; the others wait.
const slots = 32

// engine speaks vLLM's HTTP API. How it behaves is said in the environment of its image:
//
//	STANDIN_VERSION        named in the header X-Standin-Version of each answer
//	STANDIN_LOAD_SECONDS   from start until it listens
//	STANDIN_TOKEN_MS       what a token takes
//	STANDIN_BEHAVIOUR      "crash": ends with status 1 instead of listening; "hang": /health is fine, no token comes
//	STANDIN_CACHE_BLOCKS   how many blocks of prompts it remembers; 0, as without it: none, and prompts take no time
//	STANDIN_PREFILL_US     what a block of a prompt takes that it does not remember; one prompt is computed at a time
//	STANDIN_STOP_SECONDS   how long it goes on after SIGTERM with nothing left to do; it listens no more meanwhile
//
// It does what a prompt asks for, too, since engines go wrong in the middle of their lives:
//
//	"standin: die"         nobody listens any more, and the process stays: its pod is Ready until a probe has failed
//	"standin: hang"        from now on /v1/models never answers
type engine struct {
	model    string
	version  string
	hangs    bool
	perToken time.Duration
	perBlock time.Duration
	prefixes *prefixCache
	prefill  chan struct{}
	free     chan struct{}
	counters counters
	server   *http.Server
	hung     atomic.Bool
	dead     atomic.Bool
}

type completion struct {
	Model     string          `json:"model"`
	MaxTokens int             `json:"max_tokens"`
	Stream    bool            `json:"stream"`
	Prompt    any             `json:"prompt"`
	Messages  json.RawMessage `json:"messages"`
}

// text is what is computed before the first token.
func (c completion) text() string {
	if prompt, isText := c.Prompt.(string); isText {
		return prompt
	}
	return string(c.Messages)
}

func playEngine(arguments []string) int {
	if len(arguments) < 2 || arguments[0] != "serve" {
		fmt.Fprintln(os.Stderr, "usage: vllm serve MODEL [--served-model-name=NAME] [--port=PORT]")
		return 2
	}
	time.Sleep(time.Duration(number("STANDIN_LOAD_SECONDS", 0.5) * float64(time.Second)))
	behaviour := os.Getenv("STANDIN_BEHAVIOUR")
	if behaviour == "crash" {
		fmt.Fprintln(os.Stderr, "RuntimeError: Engine core initialization failed")
		return 1
	}
	made := &engine{
		model:    flagValue(arguments, "served-model-name", arguments[1]),
		version:  os.Getenv("STANDIN_VERSION"),
		hangs:    behaviour == "hang",
		perToken: time.Duration(number("STANDIN_TOKEN_MS", 2) * float64(time.Millisecond)),
		perBlock: time.Duration(number("STANDIN_PREFILL_US", 0) * float64(time.Microsecond)),
		prefixes: newPrefixCache(int(number("STANDIN_CACHE_BLOCKS", 0))),
		prefill:  make(chan struct{}, 1),
		free:     make(chan struct{}, slots),
	}
	fmt.Println("serving", made.model)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /metrics", made.metrics)
	mux.HandleFunc("GET /v1/models", made.models)
	mux.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, r *http.Request) { made.complete(w, r, "text_completion") })
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { made.complete(w, r, "chat.completion") })
	// What hangs would not end before it is killed; nobody needs to wait for that.
	patience := patience
	if made.hangs {
		patience = time.Second
	}
	made.server = &http.Server{Addr: flagValue(arguments, "host", "0.0.0.0") + ":" + flagValue(arguments, "port", "8000"), Handler: mux}
	status := serve(made.server, patience, made.dead.Load)
	time.Sleep(time.Duration(number("STANDIN_STOP_SECONDS", 0) * float64(time.Second)))
	return status
}

// obey does what a prompt asks for. True means that there is no other answer.
func (e *engine) obey(w http.ResponseWriter, asked completion) bool {
	switch asked.Prompt {
	case "standin: die":
		e.dead.Store(true)
		go e.server.Shutdown(context.Background()) // what has begun is finished
	case "standin: hang":
		e.hung.Store(true)
	default:
		return false
	}
	answerJSON(w, http.StatusOK, map[string]any{"choices": []any{}})
	return true
}

func (e *engine) models(w http.ResponseWriter, r *http.Request) {
	if e.hung.Load() {
		<-r.Context().Done()
		return
	}
	entry := map[string]any{"id": e.model, "object": "model", "owned_by": "vllm"}
	answerJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{entry}})
}

func (e *engine) complete(w http.ResponseWriter, r *http.Request, object string) {
	asked := completion{MaxTokens: 16}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		answerJSON(w, http.StatusBadRequest, problem(err.Error()))
		return
	}
	if asked.Model != e.model {
		answerJSON(w, http.StatusNotFound, problem(fmt.Sprintf("The model `%s` does not exist.", asked.Model)))
		return
	}
	if e.obey(w, asked) {
		return
	}
	w.Header().Set("X-Standin-Version", e.version)
	w.Header().Set("X-Standin-Address", e.server.Addr)
	blocks, hits := e.prefixes.take(asked.text())
	e.counters.prefixAsked.Add(int64(blocks * blockTokens))
	e.counters.prefixFound.Add(int64(hits * blockTokens))
	e.read(blocks - hits)
	if asked.Stream {
		e.stream(w, r, asked.MaxTokens)
		return
	}
	if !e.generate(r, asked.MaxTokens) {
		return // the client is gone
	}
	text := strings.TrimSpace(strings.Repeat("token ", asked.MaxTokens))
	choice := map[string]any{"index": 0, "finish_reason": "length", "text": text}
	if object == "chat.completion" {
		delete(choice, "text")
		choice["message"] = map[string]any{"role": "assistant", "content": text}
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"id": "cmpl-" + strconv.FormatInt(time.Now().UnixNano(), 36), "object": object, "created": time.Now().Unix(),
		"model": e.model, "choices": []any{choice},
		"usage": map[string]any{
			"prompt_tokens": 1 + blocks*blockTokens, "completion_tokens": asked.MaxTokens,
			"total_tokens":          1 + blocks*blockTokens + asked.MaxTokens,
			"prompt_tokens_details": map[string]int{"cached_tokens": hits * blockTokens},
		},
	})
}

// read computes blocks of a prompt, one prompt after the other.
func (e *engine) read(blocks int) {
	if took := time.Duration(blocks) * e.perBlock; took > 0 {
		e.prefill <- struct{}{}
		time.Sleep(took)
		<-e.prefill
	}
}

// stream sends each token as it comes, and says in the end that it was the last one.
func (e *engine) stream(w http.ResponseWriter, r *http.Request, tokens int) {
	w.Header().Set("Content-Type", "text/event-stream")
	for number := range tokens {
		if !e.generate(r, 1) {
			return
		}
		fmt.Fprintf(w, "data: {\"object\":\"text_completion\",\"model\":%q,\"choices\":[{\"index\":0,\"text\":\"token%d \"}]}\n\n", e.model, number)
		w.(http.Flusher).Flush()
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// generate waits for a free slot and takes as long as the tokens take. False means that the client went away.
func (e *engine) generate(r *http.Request, tokens int) bool {
	gone := r.Context().Done()
	e.counters.waiting.Add(1)
	select {
	case e.free <- struct{}{}:
		e.counters.waiting.Add(-1)
	case <-gone:
		e.counters.waiting.Add(-1)
		return false
	}
	e.counters.running.Add(1)
	defer func() { e.counters.running.Add(-1); <-e.free }()
	if e.hangs {
		<-gone
		return false
	}
	select {
	case <-time.After(time.Duration(tokens) * e.perToken):
	case <-gone:
		e.counters.aborted.Add(1)
		return false
	}
	e.counters.iterations.Add(int64(tokens))
	e.counters.finished.Add(1)
	return true
}

func problem(message string) map[string]any {
	return map[string]any{"error": map[string]any{"message": message, "type": "BadRequestError"}}
}

func number(name string, otherwise float64) float64 {
	if value, err := strconv.ParseFloat(os.Getenv(name), 64); err == nil {
		return value
	}
	return otherwise
}
