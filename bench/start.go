package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// settle is how long a server is left alone before its memory counts as that of an idle one.
const settle = 300 * time.Millisecond

// measureStart is how fast the server is there, and how large.
func measureStart(ctx context.Context, b *bench, e effort) ([]row, error) {
	program, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(b.dir, "start")
	var ready, memory []float64
	for i := range e.starts + 1 {
		s, err := b.serve(ctx, data)
		if err != nil {
			return nil, err
		}
		time.Sleep(settle)
		now, _, err := s.memory()
		s.stop()
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first start makes the data directory, and finds the program on the disk
			ready, memory = append(ready, float64(s.ready)), append(memory, float64(now))
		}
	}
	start, idle := median(ready), median(memory)
	return []row{
		{"start to /_furl/health 200", took(start), "≤ 15 ms", start <= float64(15*time.Millisecond), fmt.Sprintf("median of %d starts, existing data directory", e.starts)},
		{"idle memory after start", megabytes(int64(idle)), "≤ 30 MB", idle <= 30<<20, "resident, pages of the program file included"},
		{"size of the program", megabytes(file.Size()), "", true, "stripped"},
	}, nil
}
