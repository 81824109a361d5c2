//go:build unix

package interop_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// mcpServer is an MCP server with an official SDK, which testdata/mcp has.
type mcpServer struct {
	name    string
	mode    types.InvokeMode
	clients []string // those that call the function; with all it takes minutes
	runtime func(*testing.T) types.Runtime
	dirs    []string // of its code and its packages
	command []string // that runs it in testdata/mcp
	newest  string   // the newest version of the protocol that it speaks as a function, without sessions
}

func mcpServers() []mcpServer {
	asPython := func(t *testing.T) types.Runtime { return types.Runtime(pythonRuntime(t)) }
	python := []string{"python3", "server.py"}
	return []mcpServer{
		{
			"python1", types.InvokeModeBuffered, []string{"python1"}, asPython,
			[]string{"testdata/mcp/python", ".env/mcp/python1"}, python, "2025-11-25",
		},
		{
			"python2", types.InvokeModeResponseStream, []string{"python2", "node2"}, asPython,
			[]string{"testdata/mcp/python", ".env/mcp/python2"}, python, "2026-07-28",
		},
		{
			"node", types.InvokeModeResponseStream, []string{"node1"}, nodeRuntime,
			[]string{"testdata/mcp/node", ".env/mcp/node"}, []string{"node", "server.mjs"}, "2025-11-25",
		},
	}
}

// mcpClient is an MCP client with an official SDK.
type mcpClient struct {
	name   string
	script string
	env    []string
	newest string // the newest version of the protocol that it speaks
}

func mcpClients(t *testing.T) []mcpClient {
	// Modules of JavaScript look for packages beside themselves.
	dir := t.TempDir()
	if err := os.Symlink(installed(t, "mcp", "node", "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/mcp/node/client.mjs")
	if err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(dir, "client.mjs")
	if err := os.WriteFile(node, script, 0o600); err != nil {
		t.Fatal(err)
	}
	const python = "testdata/mcp/python/client.py"
	first, second := "PYTHONPATH="+installed(t, "mcp", "python1"), "PYTHONPATH="+installed(t, "mcp", "python2")
	return []mcpClient{
		{"python1", python, []string{first}, "2025-11-25"},
		{"python2 legacy", python, []string{second, "MODE=legacy"}, "2025-11-25"},
		{"python2", python, []string{second, "MODE=auto"}, "2026-07-28"},
		{"node1", node, []string{"GENERATION=1"}, "2025-11-25"},
		{"node2", node, []string{"GENERATION=2", "MODE=auto"}, "2026-07-28"},
	}
}

// mcpFound is what a client prints.
type mcpFound struct {
	Version   string
	Tools     []string
	Add       string
	Count     string
	Progress  [][2]float64
	Large     int
	Failed    bool
	Several   bool
	Ask       string
	Cancelled bool
	After     string
}

// use runs a client that starts furl mcp for a server.
func (c mcpClient) use(t *testing.T, env []string, url string, more ...string) mcpFound {
	t.Helper()
	env = append(append(append([]string{}, env...), c.env...), more...)
	program := "python3"
	if strings.HasSuffix(c.script, ".mjs") {
		program = "node"
	}
	ran := run(t, env, nil, program, c.script, must(t, buildFurl), "mcp", url)
	if ran.code != 0 {
		t.Fatalf("%d\n%s\n%s", ran.code, ran.stdout, ran.stderr)
	}
	var found mcpFound
	if err := json.Unmarshal([]byte(ran.stdout), &found); err != nil {
		t.Fatalf("%v: %s\n%s", err, ran.stdout, ran.stderr)
	}
	return found
}

func (f mcpFound) compare(t *testing.T, version, ask string) {
	t.Helper()
	want := mcpFound{
		Version: version, Tools: []string{"add", "ask", "count", "fail", "large", "slow"}, Add: "3", Count: "counted",
		Progress: [][2]float64{{1, 3}, {2, 3}, {3, 3}}, Large: 200_000, Failed: true, Several: true, Ask: ask,
		Cancelled: true, After: "4",
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
}

// TestMCPFunctions uses MCP servers that are functions, as web applications behind the public layer of the Web Adapter.
func TestMCPFunctions(t *testing.T) {
	need(t, "mcp")
	needProgram(t, "node")
	s := startServer(t)
	for _, server := range mcpServers() {
		app := webApp{
			name: server.name, runtime: server.runtime(t), handler: "run.sh", zip: writeZip(t, server.dirs, nil),
			variables: map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"},
		}
		url := s.createWebApp(t, app, publicAdapter, server.mode)
		for _, client := range mcpClients(t) {
			if !slices.Contains(server.clients, client.name) {
				continue
			}
			t.Run(server.name+" "+string(server.mode)+" "+client.name, func(t *testing.T) {
				client.use(t, s.env(), url+"mcp", "SEVERAL=3").compare(t, min(server.newest, client.newest), "")
			})
		}
	}
}

// TestMCPSessions uses MCP servers that keep sessions, and ask the client while they answer it. A function cannot,
// since it has one request at a time.
func TestMCPSessions(t *testing.T) {
	need(t, "mcp")
	needProgram(t, "node")
	s := startServer(t)
	for _, server := range mcpServers() {
		url := server.start(t)
		for _, client := range mcpClients(t) {
			if client.name == "python2" || client.name == "node2" {
				continue // of a version without sessions
			}
			t.Run(server.name+" "+client.name, func(t *testing.T) {
				t.Parallel()
				found := client.use(t, append(s.env(), "AWS_REGION="+region), url, "SEVERAL=20", "ASK=1")
				found.compare(t, "2025-11-25", "Ada")
			})
		}
	}
}

// start runs a server that keeps sessions until the test ends.
func (s mcpServer) start(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range s.dirs {
		path, err := filepath.Abs(from)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if err := os.Symlink(filepath.Join(path, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	port := freePort(t)
	command := exec.CommandContext(t.Context(), s.command[0], s.command[1:]...)
	command.Dir = dir
	command.Env = append(baseEnv(dir), "PORT="+port, "SESSIONS=1", "PYTHONPATH="+dir,
		"NODE_OPTIONS=--preserve-symlinks-main --preserve-symlinks")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill() //nolint:errcheck // it may have ended
		command.Wait()         //nolint:errcheck // it was killed
	})
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: number}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.DialTCP("tcp", nil, &address)
		if err == nil {
			conn.Close()
			return "http://" + address.String() + "/mcp"
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", s.name, err)
		}
	}
}
