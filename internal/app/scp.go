package app

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/policy"
)

// scps reads the service control policies of each account, level by level.
func (c Config) scps() (map[string][][]policy.Named, error) {
	levels := map[string][][]policy.Named{}
	for _, scp := range c.SCPs {
		account, file, _ := strings.Cut(scp, "=") // Validate has seen to it
		text, err := readPolicy(file)
		if err != nil {
			return nil, fmt.Errorf("scp: %w", err)
		}
		parsed, err := iam.ParsePolicy(text, policy.Identity)
		if err != nil {
			return nil, fmt.Errorf("scp: %s:%w", file, err)
		}
		levels[account] = append(levels[account], []policy.Named{{Name: "service control policy " + file, Document: parsed.Document}})
	}
	return levels, nil
}

func readPolicy(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, policy.MaxSize+1)) // parsing refuses the one byte too many
	return string(text), err
}
