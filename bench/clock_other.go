//go:build !unix

package main

import "time"

var began = time.Now()

// processorTime is the time that passes, where the system does not tell how long this process was at work.
func processorTime() time.Duration { return time.Since(began) }
