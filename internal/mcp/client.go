package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/snippet"
)

// Entry is a server as the configuration of an MCP client has it: a command that the client starts.
type Entry struct {
	Name    string
	Command string // absolute
	Args    []string
	Env     map[string]string
}

// Client is a program that starts MCP servers.
type Client struct {
	Name  string // as --print-config takes it
	Title string
	Place string // where its configuration is
	write func(Entry) string
}

// Clients are the clients whose configurations furl can write. The first one is for all that are not among them.
func Clients() []Client {
	return []Client{
		{"json", "most clients", "the configuration of the client", servers("mcpServers", false)},
		{
			"claude", "Claude Desktop", "claude_desktop_config.json: Settings, Developer, Edit Config",
			servers("mcpServers", false),
		},
		{"claude-code", "Claude Code", "a shell", claudeCode},
		{"codex", "Codex", "~/.codex/config.toml", codex},
		{"cursor", "Cursor", "~/.cursor/mcp.json, or .cursor/mcp.json of a project", servers("mcpServers", false)},
		{"gemini", "Gemini CLI", "~/.gemini/settings.json", servers("mcpServers", false)},
		{
			"kiro", "Kiro", "~/.kiro/settings/mcp.json, or .kiro/settings/mcp.json of a project",
			servers("mcpServers", false),
		},
		{
			"vscode", "VS Code", ".vscode/mcp.json, or the command MCP: Open User Configuration",
			servers("servers", true),
		},
		{"windsurf", "Windsurf", "~/.codeium/windsurf/mcp_config.json", servers("mcpServers", false)},
		{"zed", "Zed", "settings.json of Zed", servers("context_servers", false)},
	}
}

// ClientNames are the names of the clients.
func ClientNames() (names []string) {
	for _, client := range Clients() {
		names = append(names, client.Name)
	}
	return names
}

// FindClient is the client with that name.
func FindClient(name string) (Client, bool) {
	clients := Clients()
	at := slices.IndexFunc(clients, func(c Client) bool { return c.Name == name })
	if at < 0 {
		return Client{}, false
	}
	return clients[at], true
}

// Config is the text to paste into the client's configuration.
func (c Client) Config(e Entry) string { return c.write(e) }

// servers is a JSON object with the servers as members of one of its members.
func servers(member string, typed bool) func(Entry) string {
	return func(e Entry) string {
		server := struct {
			Type    string            `json:"type,omitempty"`
			Command string            `json:"command"`
			Args    []string          `json:"args"`
			Env     map[string]string `json:"env,omitempty"`
		}{"", e.Command, e.Args, e.Env}
		if typed {
			server.Type = "stdio"
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(map[string]any{member: map[string]any{e.Name: server}}); err != nil {
			panic(err) // texts always have JSON
		}
		return text.String()
	}
}

// claudeCode is a command for a POSIX shell. --env takes all words that follow up to the next flag.
func claudeCode(e Entry) string {
	words := []string{"claude", "mcp", "add"}
	for _, name := range slices.Sorted(maps.Keys(e.Env)) {
		words = append(words, "--env", snippet.Quote(name+"="+e.Env[name]))
	}
	words = append(words, "--transport", "stdio", snippet.Quote(e.Name), "--", snippet.Quote(e.Command))
	for _, arg := range e.Args {
		words = append(words, snippet.Quote(arg))
	}
	return strings.Join(words, " ") + "\n"
}

// codex is a table of TOML.
func codex(e Entry) string {
	var text strings.Builder
	var args []string
	for _, arg := range e.Args {
		args = append(args, tomlText(arg))
	}
	fmt.Fprintf(&text, "[mcp_servers.%s]\ncommand = %s\nargs = [%s]\n",
		e.Name, tomlText(e.Command), strings.Join(args, ", "))
	if len(e.Env) > 0 {
		fmt.Fprintf(&text, "\n[mcp_servers.%s.env]\n", e.Name)
		for _, name := range slices.Sorted(maps.Keys(e.Env)) {
			fmt.Fprintf(&text, "%s = %s\n", name, tomlText(e.Env[name]))
		}
	}
	return text.String()
}

// tomlText is a basic string of TOML, whose escapes are those of JSON but for the slash.
func tomlText(text string) string { return string(encode(text)) }
