// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// playLoad asks as clients do, and is fast enough not to be what is measured:
//
//	load URL FILE                     each line of FILE is {"at": seconds, "body": {...}}: sent when it is due
//	load URL FILE WORKERS SECONDS     each worker sends one after the other, without regard to when they are due
//
// The first writes a line for each answer, in the order of FILE: seconds from when it was due, status, tokens of the
// prompt, and how many of them were in a cache. The second writes one: requests, failures, and the median and the 99th
// percentile in seconds.
func playLoad(arguments []string) int {
	if len(arguments) != 2 && len(arguments) != 4 {
		fmt.Fprintln(os.Stderr, "usage: load URL FILE [WORKERS SECONDS]")
		return 2
	}
	requests, err := readRequests(arguments[1])
	if err != nil || len(requests) == 0 {
		fmt.Fprintln(os.Stderr, arguments[1], err)
		return 1
	}
	client := &loader{url: arguments[0], http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 1024,
	}}}
	if len(arguments) == 2 {
		client.whenDue(requests)
		return 0
	}
	workers, _ := strconv.Atoi(arguments[2])
	seconds, _ := strconv.ParseFloat(arguments[3], 64)
	client.oneAfterTheOther(requests, workers, time.Duration(seconds*float64(time.Second)))
	return 0
}

type request struct {
	At   float64         `json:"at"`
	Body json.RawMessage `json:"body"`
}

type answer struct {
	took           time.Duration
	status         int
	prompt, cached int
}

type loader struct {
	url  string
	http *http.Client
}

func readRequests(path string) (found []request, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return found, nil
		}
		var one request
		if err == nil {
			err = json.Unmarshal(line, &one)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
}

func (l *loader) whenDue(requests []request) {
	answers := make([]answer, len(requests))
	started := time.Now()
	var all sync.WaitGroup
	for number, one := range requests {
		due := started.Add(time.Duration(one.At * float64(time.Second)))
		time.Sleep(time.Until(due))
		all.Add(1)
		go func() {
			defer all.Done()
			answers[number] = l.ask(one.Body, due)
		}()
	}
	all.Wait()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, each := range answers {
		fmt.Fprintf(out, "%.6f %d %d %d\n", each.took.Seconds(), each.status, each.prompt, each.cached)
	}
}

func (l *loader) oneAfterTheOther(requests []request, workers int, lasts time.Duration) {
	until := time.Now().Add(lasts)
	took := make([][]float64, workers)
	failed := make([]int, workers)
	var all sync.WaitGroup
	for worker := range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for number := worker; time.Now().Before(until); number += workers {
				said := l.ask(requests[number%len(requests)].Body, time.Now())
				took[worker] = append(took[worker], said.took.Seconds())
				if said.status != http.StatusOK {
					failed[worker]++
				}
			}
		}()
	}
	all.Wait()
	together, failures := slices.Concat(took...), 0
	for _, each := range failed {
		failures += each
	}
	slices.Sort(together)
	fmt.Println(len(together), failures, together[len(together)/2], together[len(together)*99/100])
}

func (l *loader) ask(body []byte, since time.Time) answer {
	said, err := l.http.Post(l.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return answer{took: time.Since(since)}
	}
	defer said.Body.Close()
	var read struct {
		Usage struct {
			Prompt  int `json:"prompt_tokens"`
			Details struct {
				Cached int `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		} `json:"usage"`
	}
	whole, err := io.ReadAll(said.Body)
	took := time.Since(since)
	if err != nil || json.Unmarshal(whole, &read) != nil {
		return answer{took: took}
	}
	return answer{took, said.StatusCode, read.Usage.Prompt, read.Usage.Details.Cached}
}
