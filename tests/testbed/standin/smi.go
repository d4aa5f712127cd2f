// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"slices"
)

// playSMI answers as `nvidia-smi` does on a machine of STANDIN_GPUS GPUs; with the behaviour "lost-gpu" one of them has
// fallen off the bus. Without any it says what a machine without a driver does.
func playSMI(arguments []string) int {
	gpus := int(number("STANDIN_GPUS", 0))
	if gpus == 0 {
		fmt.Println("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. " +
			"Make sure that the latest NVIDIA driver is installed and running.")
		return 9
	}
	if os.Getenv("STANDIN_BEHAVIOUR") == "lost-gpu" {
		gpus--
	}
	if slices.Contains(arguments, "-L") || slices.Contains(arguments, "--list-gpus") {
		for gpu := range gpus {
			fmt.Printf("GPU %d: NVIDIA H100 80GB HBM3 (UUID: GPU-%08d-0000-4000-8000-000000000000)\n", gpu, gpu)
		}
		return 0
	}
	const rule = "+-----------------------------------------+------------------------+----------------------+"
	fmt.Println(rule)
	fmt.Println("| NVIDIA-SMI 580.95.05              Driver Version: 580.95.05      CUDA Version: 13.0      |")
	fmt.Println(rule)
	for gpu := range gpus {
		fmt.Printf("| %3d  NVIDIA H100 80GB HBM3          On  |   00000000:%02X:00.0 Off |                    0 |\n",
			gpu, 15+gpu)
		fmt.Println("| N/A   34C    P0             72W /  700W |       0MiB /  81559MiB |      0%      Default |")
		fmt.Println(rule)
	}
	return 0
}
