//go:build unix

package extension

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// api is one of the two ways to subscribe, which differ in names and in what they deliver.
type api struct {
	name     string
	prefix   string              // of the types of its errors
	versions map[string]audience // by schemaVersion
	standard string              // the version of a subscription that names none; empty if it must
}

var (
	telemetryAPI = &api{name: "Telemetry", versions: map[string]audience{
		"2022-07-01": toTelemetry, "2022-12-13": toTelemetry, "2025-01-29": toTelemetry,
	}}
	logsAPI = &api{name: "Logs", prefix: "Logs.", standard: "2020-08-15", versions: map[string]audience{
		"2020-08-15": toLogs, "2021-03-18": toLogs | toLaterLogs,
	}}
)

func (a *api) invalid(err error) *fault {
	return &fault{http.StatusBadRequest, a.prefix + "ValidationError", err.Error()}
}

// closed is the answer once the environment is initialized.
func (a *api) closed() *fault {
	return forbidden(a.name+".SubscriptionClosed", "%s API subscription is closed", a.name)
}

// unsupported is what AWS's emulator answers where it has no telemetry: extensions are written to live with it.
func (a *api) unsupported() *fault {
	return &fault{http.StatusAccepted, a.name + ".NotSupported", a.name + " API is not supported"}
}

// subscription is what an extension asks for. The members, their limits and defaults are those of the AWS Lambda
// Developer Guide, "Lambda Telemetry API reference".
type subscription struct {
	SchemaVersion string   `json:"schemaVersion"`
	Types         []string `json:"types"`
	Destination   struct {
		Protocol string `json:"protocol"`
		URI      string `json:"URI"`
		Port     *int   `json:"port"`
		Method   string `json:"method"` // of the Logs API
	} `json:"destination"`
	Buffering struct {
		MaxItems  *int `json:"maxItems"`
		MaxBytes  *int `json:"maxBytes"`
		TimeoutMs *int `json:"timeoutMs"`
	} `json:"buffering"`

	audience audience
	port     int
	target   *url.URL // nil for TCP
	maxItems int
	maxBytes int
	timeout  time.Duration
}

// categories are the types that a subscription may name.
var categories = []string{"platform", "function", "extension"}

// reservedPort is where the Runtime API listens at AWS.
const reservedPort = 9001

// parse reads a subscription.
func (a *api) parse(body []byte) (*subscription, error) {
	s := &subscription{SchemaVersion: a.standard}
	if err := json.Unmarshal(body, s); err != nil {
		return nil, err
	}
	var ok bool
	if s.audience, ok = a.versions[s.SchemaVersion]; !ok {
		return nil, fmt.Errorf("schemaVersion %q is not supported", s.SchemaVersion)
	}
	if len(s.Types) == 0 {
		return nil, errors.New("types must name at least one of platform, function and extension")
	}
	for _, name := range s.Types {
		if !slices.Contains(categories, name) {
			return nil, fmt.Errorf("types: %q is none of platform, function and extension", name)
		}
	}
	if err := s.aim(); err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	items, err := within("maxItems", s.Buffering.MaxItems, 1000, 10000, 10000)
	bytes, errBytes := within("maxBytes", s.Buffering.MaxBytes, 262144, 1048576, 262144)
	pause, errPause := within("timeoutMs", s.Buffering.TimeoutMs, 25, 30000, 1000)
	s.maxItems, s.maxBytes, s.timeout = items, bytes, time.Duration(pause)*time.Millisecond
	return s, errors.Join(err, errBytes, errPause)
}

func within(name string, value *int, least, most, standard int) (int, error) {
	switch {
	case value == nil:
		return standard, nil
	case *value < least || *value > most:
		return 0, fmt.Errorf("buffering.%s must be from %d to %d, not %d", name, least, most, *value)
	}
	return *value, nil
}

// aim reads the destination: a port of the environment itself.
func (s *subscription) aim() error {
	d := &s.Destination
	switch d.Protocol {
	case "HTTP":
		target, err := url.Parse(d.URI)
		if err != nil {
			return err
		}
		host := strings.ToLower(target.Hostname())
		if target.Scheme != "http" || target.User != nil || host != "sandbox.localdomain" && host != "sandbox" {
			return fmt.Errorf("URI %q must begin with http://sandbox.localdomain:PORT", d.URI)
		}
		if s.port, err = strconv.Atoi(target.Port()); err != nil {
			return fmt.Errorf("URI %q has no port", d.URI)
		}
		switch d.Method {
		case "":
			d.Method = http.MethodPost
		case http.MethodPost, http.MethodPut:
		default:
			return fmt.Errorf("method %q is neither POST nor PUT", d.Method)
		}
		target.Fragment, s.target = "", target
	case "TCP":
		if d.Port == nil {
			return errors.New("port is missing")
		}
		s.port = *d.Port
	default:
		return fmt.Errorf("protocol %q is neither HTTP nor TCP", d.Protocol)
	}
	if s.port < 1 || s.port > 65535 || s.port == reservedPort {
		return fmt.Errorf("port %d must be from 1 to 65535, and not %d", s.port, reservedPort)
	}
	return nil
}
