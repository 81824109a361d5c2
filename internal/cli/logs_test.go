package cli_test

import (
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/cli"
)

func TestSince(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, zone)
	for text, want := range map[string]string{
		"0s": "2026-11-23T15:00:00+01:00", "10m": "2026-11-23T14:50:00+01:00", "1h30m": "2026-11-23T13:30:00+01:00",
		"2026-11-22T10:00:00Z": "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.5+02:00": "2026-11-22T10:00:00.5+02:00",
		"2026-11-22T10:00:00": "2026-11-22T10:00:00+01:00", "2026-11-22 10:00": "2026-11-22T10:00:00+01:00",
		"2026-11-22": "2026-11-22T00:00:00+01:00", "14:59": "2026-11-23T14:59:00+01:00",
		"15:01": "2026-11-22T15:01:00+01:00", "15:00:00": "2026-11-23T15:00:00+01:00",
		"-5m": "", "yesterday": "", "10": "", "2026-13-01": "", "25:00": "",
	} {
		got, err := cli.SinceTime(text, now)
		if want == "" && err == nil || want != "" && (err != nil || got.Format(time.RFC3339Nano) != want) {
			t.Errorf("%s: %s, %v, want %s", text, got.Format(time.RFC3339Nano), err, want)
		}
	}
}
