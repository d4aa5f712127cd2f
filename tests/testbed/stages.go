// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
)

// readStages gives the Stage objects of a file by the kind of object that they play.
func readStages(path string) (map[internalversion.StageResourceRef][]*internalversion.Stage, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	stages := map[internalversion.StageResourceRef][]*internalversion.Stage{}
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		var written v1alpha1.Stage
		err := decoder.Decode(&written)
		if errors.Is(err, io.EOF) {
			return stages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		stage, err := internalversion.ConvertToInternalStage(&written)
		if err != nil {
			return nil, fmt.Errorf("%s: stage %s: %w", path, written.Name, err)
		}
		stages[stage.Spec.ResourceRef] = append(stages[stage.Spec.ResourceRef], stage)
	}
}
