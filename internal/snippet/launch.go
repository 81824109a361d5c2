package snippet

import (
	"encoding/json"
	"net"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// launch is a configuration of Visual Studio Code that attaches to a program (Visual Studio Code documentation,
// "Debugger configuration"; of js-debug, debugpy and vscode-go for the members of their types).
type launch struct {
	Type     string         `json:"type"`
	Request  string         `json:"request"`
	Name     string         `json:"name"`
	Mode     string         `json:"mode,omitempty"`
	Connect  *launchAddress `json:"connect,omitempty"`
	Address  string         `json:"address,omitempty"`
	Host     string         `json:"host,omitempty"`
	Port     int            `json:"port,omitempty"`
	Restart  bool           `json:"restart,omitempty"`
	Continue bool           `json:"continueOnAttach,omitempty"`
}

type launchAddress struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

const loopback = "127.0.0.1"

// Launch is the configuration with which Visual Studio Code attaches to the debugger of a function, in one line for the
// configurations in .vscode/launch.json. Port 0 is the usual one of the runtime. It is empty for a runtime that furl does
// not debug. The paths of the code are the same for both, so it names none.
func Launch(function, runtime string, port int) string {
	if port == 0 {
		port = lambda.DebugPort(runtime)
	}
	l := launch{Request: "attach", Name: "furl: " + function}
	switch {
	case strings.HasPrefix(runtime, "nodejs"): // restart: attach again after a reload
		l.Type, l.Address, l.Port, l.Restart, l.Continue = "node", loopback, port, true, true
	case strings.HasPrefix(runtime, "python"):
		l.Type, l.Connect = "debugpy", &launchAddress{loopback, port}
	case strings.HasPrefix(runtime, "provided"):
		l.Type, l.Mode, l.Host, l.Port = "go", "remote", loopback, port
	default:
		return ""
	}
	text, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return string(text)
}

// DebugAddress is where the debugger of a function listens. Port 0 is the usual one of the runtime.
func DebugAddress(runtime string, port int) string {
	if port == 0 {
		port = lambda.DebugPort(runtime)
	}
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}
