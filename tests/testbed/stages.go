// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
	kwokv1alpha1 "sigs.k8s.io/kwok/pkg/client/clientset/versioned/typed/apis/v1alpha1"
)

// stageFile shows a file of Stage objects to kwok as if it were the cluster's Stage
// resource: it can be listed and watched, and nothing else.
type stageFile struct {
	versioned.Interface
	kwokv1alpha1.KwokV1alpha1Interface
	path string

	mutex    sync.Mutex
	content  []byte
	stages   []v1alpha1.Stage
	version  int
	watchers []*watch.FakeWatcher
}

// stageClient is the part of the client that kwok calls. It is a type of its own
// because the interfaces embedded above have methods of the same names.
type stageClient struct {
	kwokv1alpha1.StageInterface
	file *stageFile
}

func newStageFile(path string) (*stageFile, error) {
	file := &stageFile{path: path}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return file, file.load(content)
}

func (f *stageFile) KwokV1alpha1() kwokv1alpha1.KwokV1alpha1Interface { return f }

func (f *stageFile) Stages() kwokv1alpha1.StageInterface { return &stageClient{file: f} }

// List gives every stage of the file as it is now.
func (c *stageClient) List(context.Context, metav1.ListOptions) (*v1alpha1.StageList, error) {
	c.file.mutex.Lock()
	defer c.file.mutex.Unlock()
	list := &v1alpha1.StageList{Items: append([]v1alpha1.Stage{}, c.file.stages...)}
	list.ResourceVersion = strconv.Itoa(c.file.version)
	return list, nil
}

// Watch gives the changes after the version named, or asks for a new list when that
// version is not the present one.
func (c *stageClient) Watch(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
	c.file.mutex.Lock()
	defer c.file.mutex.Unlock()
	if options.SendInitialEvents != nil {
		return nil, apierrors.NewBadRequest("a file has no watch list; list it first")
	}
	if options.ResourceVersion != strconv.Itoa(c.file.version) {
		return nil, apierrors.NewResourceExpired("the stages have changed")
	}
	watcher := watch.NewFakeWithChanSize(256, false)
	c.file.watchers = append(c.file.watchers, watcher)
	return watcher, nil
}

// follow reads the file again whenever it changes, and writes what is in use beside
// it, so that the writer knows when its change counts.
func (f *stageFile) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
		content, err := os.ReadFile(f.path)
		if err != nil || bytes.Equal(content, f.content) {
			continue
		}
		if err := f.load(content); err != nil {
			fmt.Fprintf(os.Stderr, "kwok: %v\n", err)
		}
	}
}

func (f *stageFile) load(content []byte) error {
	stages, err := parseStages(content)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.version++
	before := f.stages
	f.content = content
	f.stages = stages
	for index := range f.stages {
		f.stages[index].ResourceVersion = strconv.Itoa(f.version)
	}
	for _, watcher := range f.watchers {
		tell(watcher, before, f.stages)
	}
	return os.WriteFile(f.path+".loaded", content, 0o600)
}

// tell sends what changed to one watcher. A stage that is new is sent as modified:
// a store that does not have it adds it.
func tell(watcher *watch.FakeWatcher, before, now []v1alpha1.Stage) {
	kept := map[string]bool{}
	for index := range now {
		kept[now[index].Name] = true
		watcher.Modify(now[index].DeepCopy())
	}
	for index := range before {
		if !kept[before[index].Name] {
			watcher.Delete(before[index].DeepCopy())
		}
	}
}

func parseStages(content []byte) ([]v1alpha1.Stage, error) {
	var stages []v1alpha1.Stage
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		var stage v1alpha1.Stage
		err := decoder.Decode(&stage)
		if errors.Is(err, io.EOF) {
			return stages, nil
		}
		if err != nil {
			return nil, err
		}
		stages = append(stages, stage)
	}
}
