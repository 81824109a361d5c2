//go:build unix

package webapp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// The names and defaults are those of the adapter's README.
func TestParseSettings(t *testing.T) {
	standard := webapp.Settings{
		Port: 8080, ReadinessPath: "/", Healthy: []webapp.Statuses{{From: 100, To: 499}}, PassThroughPath: "/events",
	}
	for _, row := range []struct {
		name      string
		variables map[string]string
		change    func(*webapp.Settings)
		remark    string
	}{
		{name: "nothing set", change: func(*webapp.Settings) {}},
		{"PORT", map[string]string{"PORT": "3000"}, func(s *webapp.Settings) { s.Port = 3000 }, ""},
		{"AWS_LWA_PORT before PORT", map[string]string{"PORT": "3000", "AWS_LWA_PORT": "4000"}, func(s *webapp.Settings) { s.Port = 4000 }, ""},
		{"no port", map[string]string{"AWS_LWA_PORT": "http"}, func(*webapp.Settings) {}, `AWS_LWA_PORT is "http", which is no port: 8080 counts instead`},
		{"the same readiness port", map[string]string{"PORT": "3000", "AWS_LWA_READINESS_CHECK_PORT": "3000"}, func(s *webapp.Settings) { s.Port = 3000 }, ""},
		{"another readiness port", map[string]string{"AWS_LWA_READINESS_CHECK_PORT": "9000"}, func(s *webapp.Settings) { s.ReadinessPort = 9000 }, ""},
		{"readiness path", map[string]string{"AWS_LWA_READINESS_CHECK_PATH": "/healthz"}, func(s *webapp.Settings) { s.ReadinessPath = "/healthz" }, ""},
		{"readiness protocol", map[string]string{"AWS_LWA_READINESS_CHECK_PROTOCOL": "TCP"}, func(s *webapp.Settings) { s.ReadinessTCP = true }, ""},
		{"healthy status", map[string]string{"AWS_LWA_READINESS_CHECK_HEALTHY_STATUS": "200, 401-403"}, func(s *webapp.Settings) {
			s.Healthy = []webapp.Statuses{{From: 200, To: 200}, {From: 401, To: 403}}
		}, ""},
		{"error statuses", map[string]string{"AWS_LWA_ERROR_STATUS_CODES": "500,502-504,422"}, func(s *webapp.Settings) {
			s.ErrorStatuses = []webapp.Statuses{{From: 500, To: 500}, {From: 502, To: 504}, {From: 422, To: 422}}
		}, ""},
		{"no status", map[string]string{"AWS_LWA_ERROR_STATUS_CODES": "500,5xx,500-x"}, func(s *webapp.Settings) {
			s.ErrorStatuses = []webapp.Statuses{{From: 500, To: 500}}
		}, `AWS_LWA_ERROR_STATUS_CODES: "5xx" is no status and no range of statuses`},
		{"base path", map[string]string{"AWS_LWA_REMOVE_BASE_PATH": "/v1/"}, func(s *webapp.Settings) { s.BasePath = "/v1" }, ""},
		{"pass-through path", map[string]string{"AWS_LWA_PASS_THROUGH_PATH": "/sqs"}, func(s *webapp.Settings) { s.PassThroughPath = "/sqs" }, ""},
		{"authorization source", map[string]string{"AWS_LWA_AUTHORIZATION_SOURCE": "X-Auth"}, func(s *webapp.Settings) { s.AuthorizationSource = "x-auth" }, ""},
		{"asynchronous start", map[string]string{"AWS_LWA_ASYNC_INIT": "true"}, func(s *webapp.Settings) { s.AsyncInit = true }, ""},
		{"not quite true", map[string]string{"AWS_LWA_ASYNC_INIT": "True"}, func(*webapp.Settings) {}, `AWS_LWA_ASYNC_INIT is "True" and counts as false: set it to true or false`},
		{"compression", map[string]string{"AWS_LWA_ENABLE_COMPRESSION": "true"}, func(s *webapp.Settings) { s.Compress = true }, ""},
		{"buffered", map[string]string{"AWS_LWA_INVOKE_MODE": "BUFFERED"}, func(s *webapp.Settings) { s.Mode = webapp.ModeBuffered }, ""},
		{"stream", map[string]string{"AWS_LWA_INVOKE_MODE": "RESPONSE_STREAM"}, func(s *webapp.Settings) { s.Mode = webapp.ModeStream }, ""},
		{"compressed stream", map[string]string{"AWS_LWA_INVOKE_MODE": "response_stream", "AWS_LWA_ENABLE_COMPRESSION": "true"}, func(s *webapp.Settings) {
			s.Mode = webapp.ModeStream
		}, "streamed answers are not compressed"},
		{"deprecated path", map[string]string{"READINESS_CHECK_PATH": "/up"}, func(s *webapp.Settings) { s.ReadinessPath = "/up" },
			"the variable READINESS_CHECK_PATH is deprecated: set AWS_LWA_READINESS_CHECK_PATH instead"},
		{"deprecated port", map[string]string{"READINESS_CHECK_PORT": "9000"}, func(s *webapp.Settings) { s.ReadinessPort = 9000 }, "AWS_LWA_READINESS_CHECK_PORT instead"},
		{"deprecated protocol", map[string]string{"READINESS_CHECK_PROTOCOL": "tcp"}, func(s *webapp.Settings) { s.ReadinessTCP = true }, "is deprecated"},
		{"deprecated base path", map[string]string{"REMOVE_BASE_PATH": "/v1"}, func(s *webapp.Settings) { s.BasePath = "/v1" }, "is deprecated"},
		{"deprecated start", map[string]string{"ASYNC_INIT": "true"}, func(s *webapp.Settings) { s.AsyncInit = true }, "is deprecated"},
		{"new before deprecated", map[string]string{"AWS_LWA_REMOVE_BASE_PATH": "/v1", "REMOVE_BASE_PATH": "/v2"}, func(s *webapp.Settings) { s.BasePath = "/v1" }, ""},
		{"removed in 1.0", map[string]string{"AWS_LWA_READINESS_CHECK_MIN_UNHEALTHY_STATUS": "400"}, func(*webapp.Settings) {}, ""},
	} {
		want := standard
		row.change(&want)
		got, remarks := webapp.ParseSettings(row.variables)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
		if all := strings.Join(remarks, "\n"); (row.remark == "") != (all == "") || !strings.Contains(all, row.remark) {
			t.Errorf("%s: remarks %q, want %q", row.name, all, row.remark)
		}
	}
}
