// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
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
type engine struct {
	model    string
	version  string
	hangs    bool
	perToken time.Duration
	free     chan struct{}
	counters counters
}

type completion struct {
	Model     string `json:"model"`
	MaxTokens int    `json:"max_tokens"`
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
	return serve(flagValue(arguments, "host", "0.0.0.0")+":"+flagValue(arguments, "port", "8000"), mux, patience)
}

func (e *engine) models(w http.ResponseWriter, _ *http.Request) {
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
	if !e.generate(r, asked.MaxTokens) {
		return // the client is gone
	}
	w.Header().Set("X-Standin-Version", e.version)
	text := strings.TrimSpace(strings.Repeat("token ", asked.MaxTokens))
	choice := map[string]any{"index": 0, "finish_reason": "length", "text": text}
	if object == "chat.completion" {
		delete(choice, "text")
		choice["message"] = map[string]any{"role": "assistant", "content": text}
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"id": "cmpl-" + strconv.FormatInt(time.Now().UnixNano(), 36), "object": object, "created": time.Now().Unix(),
		"model": e.model, "choices": []any{choice},
		"usage": map[string]int{"prompt_tokens": 1, "completion_tokens": asked.MaxTokens, "total_tokens": asked.MaxTokens + 1},
	})
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
