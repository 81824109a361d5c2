//go:build unix

package webapp

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Settings is what the variables of a function say about how its application is talked to. The names and defaults are
// those of version 1.0.0 of the Lambda Web Adapter (README of awslabs/aws-lambda-web-adapter, "Configurations").
type Settings struct {
	Port int // on which the application listens where each environment is a machine of its own

	ReadinessPort int    // 0 for that of the application
	ReadinessPath string // of a GET that says whether the application is ready
	ReadinessTCP  bool   // a connection says it, without a request
	Healthy       []Statuses

	AsyncInit           bool       // an application that is slow to start does so in the first invocation
	BasePath            string     // taken away from the beginning of paths; "" for none
	PassThroughPath     string     // of the POST of an event that is no HTTP request
	AuthorizationSource string     // the header that the application sees as Authorization; "" for none
	ErrorStatuses       []Statuses // of answers that are errors of the invocation
	Compress            bool       // buffered answers
	Mode                Mode

	// IsServer is set for a web server that is no function at AWS: it gets no headers of a caller that CGI and WSGI take
	// for those that say who the caller is. The adapter passes them on.
	IsServer bool
}

// Mode is the form of answers.
type Mode uint8

// The modes.
const (
	ModeUnset    Mode = iota // as the caller takes the answer
	ModeBuffered             // an envelope
	ModeStream               // a prelude and the body
)

// Statuses is a range of HTTP statuses, both ends included.
type Statuses struct{ From, To int }

func includes(ranges []Statuses, status int) bool {
	for _, r := range ranges {
		if r.From <= status && status <= r.To {
			return true
		}
	}
	return false
}

const (
	portVariable     = "PORT"
	lwaPortVariable  = "AWS_LWA_PORT"
	defaultPort      = 8080
	healthyByDefault = "100-499"
)

// deprecated are the variables by their names before version 1.0.0, which still count.
var deprecated = map[string]string{
	"AWS_LWA_READINESS_CHECK_PORT":     "READINESS_CHECK_PORT",
	"AWS_LWA_READINESS_CHECK_PATH":     "READINESS_CHECK_PATH",
	"AWS_LWA_READINESS_CHECK_PROTOCOL": "READINESS_CHECK_PROTOCOL",
	"AWS_LWA_REMOVE_BASE_PATH":         "REMOVE_BASE_PATH",
	"AWS_LWA_ASYNC_INIT":               "ASYNC_INIT",
}

// ParseSettings reads the variables of a function. What cannot be read counts as not set; a remark for the function's
// log says so.
func ParseSettings(variables map[string]string) (s Settings, remarks []string) {
	p := parser{variables: variables}
	s = Settings{
		Port:                p.port(lwaPortVariable, p.port(portVariable, defaultPort)),
		ReadinessPort:       p.port("AWS_LWA_READINESS_CHECK_PORT", 0),
		ReadinessPath:       "/" + strings.TrimPrefix(p.text("AWS_LWA_READINESS_CHECK_PATH"), "/"),
		ReadinessTCP:        strings.EqualFold(p.text("AWS_LWA_READINESS_CHECK_PROTOCOL"), "tcp"),
		Healthy:             p.statuses("AWS_LWA_READINESS_CHECK_HEALTHY_STATUS", healthyByDefault),
		AsyncInit:           p.boolean("AWS_LWA_ASYNC_INIT"),
		BasePath:            strings.TrimSuffix(p.text("AWS_LWA_REMOVE_BASE_PATH"), "/"),
		PassThroughPath:     cmp.Or(p.text("AWS_LWA_PASS_THROUGH_PATH"), "/events"),
		AuthorizationSource: strings.ToLower(p.text("AWS_LWA_AUTHORIZATION_SOURCE")),
		ErrorStatuses:       p.statuses("AWS_LWA_ERROR_STATUS_CODES", ""),
		Compress:            p.boolean("AWS_LWA_ENABLE_COMPRESSION"),
	}
	if s.ReadinessPort == s.Port {
		s.ReadinessPort = 0
	}
	switch mode := p.text("AWS_LWA_INVOKE_MODE"); {
	case mode == "":
	case strings.EqualFold(mode, "response_stream"):
		s.Mode = ModeStream
	default:
		s.Mode = ModeBuffered
	}
	if s.Compress && s.Mode == ModeStream {
		s.Compress = false
		p.remark("AWS_LWA_ENABLE_COMPRESSION has no effect: streamed answers are not compressed")
	}
	return s, p.remarks
}

type parser struct {
	variables map[string]string
	remarks   []string
}

func (p *parser) remark(format string, args ...any) {
	p.remarks = append(p.remarks, fmt.Sprintf(format, args...))
}

// text is the value of a variable, which may have its deprecated name.
func (p *parser) text(name string) string {
	if value := p.variables[name]; value != "" {
		return value
	}
	old := deprecated[name]
	value := p.variables[old]
	if value != "" {
		p.remark("the variable %s is deprecated: set %s instead", old, name)
	}
	return value
}

func (p *parser) port(name string, otherwise int) int {
	text := p.text(name)
	if text == "" {
		return otherwise
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		p.remark("%s is %.40q, which is no port: %d counts instead", name, text, cmp.Or(otherwise, defaultPort))
		return otherwise
	}
	return int(port)
}

// boolean is true for the word alone, as in the adapter.
func (p *parser) boolean(name string) bool {
	text := p.text(name)
	if text != "" && text != "true" && text != "false" {
		p.remark("%s is %.40q and counts as false: set it to true or false", name, text)
	}
	return text == "true"
}

// statuses reads a list such as "500,502-504".
func (p *parser) statuses(name, otherwise string) []Statuses {
	var list []Statuses
	for part := range strings.SplitSeq(cmp.Or(p.text(name), otherwise), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.ParseUint(first, 10, 16)
		to := from
		if isRange && err == nil {
			to, err = strconv.ParseUint(last, 10, 16)
		}
		if err != nil {
			p.remark("%s: %.40q is no status and no range of statuses", name, part)
			continue
		}
		list = append(list, Statuses{int(from), int(to)})
	}
	return list
}
