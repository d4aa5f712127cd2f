// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

// router balances between the ready pods that it finds by label, with the options of the release's router. As that
// one, it drops a pod as soon as it is terminating, and asks each for the models that it serves.
type router struct {
	api, namespace, selector, port string
	client                         *http.Client
	lock                           sync.Mutex
	models                         map[string][]string // the addresses of each model's pods
	next                           int
}

func playRouter(arguments []string) int {
	authority, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	made := &router{
		api:       "https://" + os.Getenv("KUBERNETES_SERVICE_HOST") + ":" + os.Getenv("KUBERNETES_SERVICE_PORT"),
		namespace: flagValue(arguments, "k8s-namespace", "default"),
		selector:  flagValue(arguments, "k8s-label-selector", ""),
		port:      flagValue(arguments, "k8s-port", "8000"),
		client:    &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}},
	}
	go made.look()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", answerOK)
	mux.HandleFunc("GET /v1/models", made.list)
	mux.HandleFunc("POST /v1/", made.pass)
	return serve(flagValue(arguments, "host", "0.0.0.0")+":"+flagValue(arguments, "port", "8001"), mux, patience)
}

func (r *router) look() {
	for ; ; time.Sleep(300 * time.Millisecond) {
		addresses, err := r.pods()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		found := map[string][]string{}
		for _, address := range addresses {
			for _, model := range r.served(address) {
				found[model] = append(found[model], address)
			}
		}
		r.lock.Lock()
		r.models = found
		r.lock.Unlock()
	}
}

// pods gives the addresses of the pods that are ready and stay.
func (r *router) pods() ([]string, error) {
	var list struct {
		Items []struct {
			Metadata struct{ DeletionTimestamp *string }
			Status   struct {
				PodIP      string
				Conditions []struct{ Type, Status string }
			}
		}
	}
	place := r.api + "/api/v1/namespaces/" + r.namespace + "/pods?labelSelector=" + url.QueryEscape(r.selector)
	if err := r.get(place, true, &list); err != nil {
		return nil, err
	}
	var found []string
	for _, pod := range list.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && pod.Metadata.DeletionTimestamp == nil {
				found = append(found, pod.Status.PodIP+":"+r.port)
			}
		}
	}
	return found, nil
}

func (r *router) served(address string) []string {
	var list struct{ Data []struct{ ID string } }
	if err := r.get("http://"+address+"/v1/models", false, &list); err != nil {
		return nil
	}
	var names []string
	for _, each := range list.Data {
		names = append(names, each.ID)
	}
	return names
}

func (r *router) get(place string, authorized bool, into any) error {
	soon, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	request, err := http.NewRequestWithContext(soon, http.MethodGet, place, nil)
	if err != nil {
		return err
	}
	if authorized {
		token, err := os.ReadFile(account + "token")
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", place, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func (r *router) list(w http.ResponseWriter, _ *http.Request) {
	r.lock.Lock()
	defer r.lock.Unlock()
	data := []any{}
	for name := range r.models {
		data = append(data, map[string]any{"id": name, "object": "model"})
	}
	answerJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data})
}

func (r *router) pass(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var asked completion
	if err != nil || json.Unmarshal(body, &asked) != nil {
		answerJSON(w, http.StatusBadRequest, problem("the body is no JSON"))
		return
	}
	address := r.choose(asked.Model)
	if address == "" {
		answerJSON(w, http.StatusServiceUnavailable, problem("no pod serves "+asked.Model))
		return
	}
	place := "http://" + address + request.URL.Path
	onward, err := http.NewRequestWithContext(request.Context(), http.MethodPost, place, bytes.NewReader(body))
	if err != nil {
		answerJSON(w, http.StatusBadGateway, problem(err.Error()))
		return
	}
	answer, err := r.client.Do(onward)
	if err != nil {
		answerJSON(w, http.StatusBadGateway, problem(err.Error()))
		return
	}
	defer answer.Body.Close()
	for _, name := range []string{"Content-Type", "X-Standin-Version"} {
		w.Header().Set(name, answer.Header.Get(name))
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func (r *router) choose(model string) string {
	r.lock.Lock()
	defer r.lock.Unlock()
	addresses := r.models[model]
	if len(addresses) == 0 {
		return ""
	}
	r.next++
	return addresses[r.next%len(addresses)]
}
