//go:build unix

package attack_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

const layers = "/2018-10-31/layers"

// publish publishes a version of a layer and returns its ARN.
func (p person) publish(t testing.TB, name string, entries ...packed) string {
	t.Helper()
	var published struct{ LayerVersionArn string }
	a := p.lambda(t, "POST", layers+"/"+name+"/versions", contentOf(t, entries...))
	if err := json.Unmarshal([]byte(a.body), &published); err != nil {
		t.Fatal(err)
	}
	return published.LayerVersionArn
}

func contentOf(t testing.TB, entries ...packed) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Content": map[string][]byte{"ZipFile": pack(t, entries...)}})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// createPython makes a Python function of one line, with layers.
func (p person) createPython(t testing.TB, name, line string, layers ...string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"FunctionName": name, "Runtime": "python3.12", "Handler": "app.handler", "Timeout": 20, "Layers": layers,
		"Role": "arn:aws:iam::" + p.account + ":role/execution",
		"Code": map[string][]byte{"ZipFile": pack(t, packed{"app.py",
			"import importlib, os, subprocess\ndef handler(event, context):\n    return " + line + "\n", 0o644})},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.lambda(t, "POST", "/2015-03-31/functions", string(body))
}

func needPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatal("python3 is not on PATH, and FURL_STRICT is set")
		}
		t.Skip("SKIPPED: python3 is not on PATH")
	}
}

// Functions run with what they have: five layers in their order, versions that were deleted, and nothing of a layer
// that was taken away.
func TestLayers(t *testing.T) {
	needPython(t)
	for _, mode := range []sandbox.Mode{sandbox.Auto, sandbox.Off} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *app.Config) { c.Sandbox = mode })
			invoke := func(want string) {
				t.Helper()
				if a := w.alice.lambda(t, "POST", "/2015-03-31/functions/layered/invocations", "{}"); a.body != want {
					t.Errorf("the function answers %s, want %s", a.body, want)
				}
			}
			configure := func(layers string) {
				t.Helper()
				w.alice.lambda(t, "PUT", "/2015-03-31/functions/layered/configuration", `{"Layers":[`+layers+`]}`)
			}
			var five []string
			for _, name := range []string{"one", "two", "three", "four", "five"} {
				five = append(five, w.alice.publish(t, name,
					packed{"python/last.py", "last = '" + name + "'\n", 0o644},
					packed{"python/" + name + ".py", "", 0o644},
					packed{"bin/tool", "#!/bin/sh\nprintf " + name, 0o755}))
			}
			const line = "[importlib.import_module('last').last, bool([importlib.import_module(m) " +
				"for m in ('one', 'two', 'three', 'four', 'five')]), subprocess.check_output('tool', text=True)]"
			w.alice.createPython(t, "layered", line, five...)
			invoke(`["five", true, "five"]`)
			w.alice.lambda(t, "DELETE", layers+"/one/versions/1", "")
			invoke(`["five", true, "five"]`)
			configure(`"` + five[4] + `","` + five[1] + `"`)
			a := w.alice.lambda(t, "POST", "/2015-03-31/functions/layered/invocations", "{}")
			if !strings.Contains(a.body, "No module named 'one'") {
				t.Errorf("with two layers: %s", a.body)
			}
			second := w.alice.publish(t, "two", packed{"python/last.py", "last = 'new'\n", 0o644},
				packed{"python/one.py", "", 0o644}, packed{"python/two.py", "", 0o644}, packed{"python/three.py", "", 0o644},
				packed{"python/four.py", "", 0o644}, packed{"python/five.py", "", 0o644},
				packed{"bin/tool", "#!/bin/sh\nprintf new", 0o755})
			configure(`"` + second + `"`)
			invoke(`["new", true, "new"]`)
			configure("")
			a = w.alice.lambda(t, "POST", "/2015-03-31/functions/layered/invocations", "{}")
			if !strings.Contains(a.body, "No module named 'last'") {
				t.Errorf("without layers: %s", a.body)
			}
		})
	}
}

// The content of a layer is a stranger's: links out of it are refused, and merged layers lead out as little.
func TestLayersLeadNowhere(t *testing.T) {
	needPython(t)
	t.Parallel()
	w := newWorld(t)
	const link = fs.ModeSymlink | 0o777
	for _, row := range []struct {
		entries []packed
		want    string
	}{
		{[]packed{{"out", "../../../furl.db", link}}, "which is not in the package"},
		{[]packed{{"etc", "/etc", link}}, "which is not in the package"},
		{[]packed{{"../x", "x", 0o644}}, "leads out of the package"},
		{nil, "Uploaded file must be a non-empty zip"},
	} {
		a := w.alice.ask(t, "POST", layers+"/hostile/versions", contentOf(t, row.entries...))
		if a.status != 400 || !strings.Contains(a.body, row.want) {
			t.Errorf("%v: %v, want %s", row.entries, a, row.want)
		}
	}
	if a := w.alice.lambda(t, "GET", layers+"/hostile/versions", ""); a.body != `{"LayerVersions":[]}` {
		t.Errorf("what was refused has made a version: %s", a.body)
	}
	// The second layer would write through the link of the first.
	first := w.alice.publish(t, "first", packed{"python", "lib", link}, packed{"lib/a.py", "", 0o644})
	second := w.alice.publish(t, "second", packed{"python/b.py", "", 0o644})
	const opt = "os.environ['PATH'].split(':')[-1].removesuffix('bin')"
	w.alice.createPython(t, "linked", "[sorted(os.listdir("+opt+" + d)) for d in ('lib', 'python')]", first, second)
	a := w.alice.lambda(t, "POST", "/2015-03-31/functions/linked/invocations", "{}")
	if a.body != `[["a.py"], ["b.py"]]` {
		t.Errorf("merged: %s", a.body)
	}
}

// Who has no permission for a layer can neither read it nor give it to a function; its content takes a signed link.
func TestLayersOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arn := w.rootB.publish(t, "private", packed{"secret", "secret", 0o644})
	layer := layers + "/" + url.QueryEscape(strings.TrimSuffix(arn, ":1"))
	for _, r := range []request{
		w.api("GET", layer+"/versions/1", ""), w.api("GET", layer+"/versions", ""),
		w.api("GET", layers+"?find=LayerVersion&Arn="+url.QueryEscape(arn), ""), w.api("GET", layer+"/versions/1/policy", ""),
		w.api("DELETE", layer+"/versions/1", ""), w.api("POST", layer+"/versions", contentOf(t, packed{"x", "x", 0o644})),
		w.api("POST", layer+"/versions/1/policy", `{"StatementId":"s","Action":"lambda:GetLayerVersion","Principal":"*"}`),
		w.api("PUT", "/2015-03-31/functions/target/configuration", `{"Layers":["`+arn+`"]}`),
	} {
		if a := w.rootA.send(t, r); a.status != 403 || !strings.Contains(a.body, "because no resource-based policy allows") {
			t.Errorf("%v", a)
		}
	}
	if a := w.rootA.lambda(t, "GET", layers, ""); strings.Contains(a.body, "private") {
		t.Errorf("the layers of another account: %s", a.body)
	}
	var shown struct{ Content struct{ Location string } }
	if err := json.Unmarshal([]byte(w.rootB.lambda(t, "GET", layer+"/versions/1", "").body), &shown); err != nil {
		t.Fatal(err)
	}
	download, err := http.Get(shown.Content.Location)
	if err != nil {
		t.Fatal(err)
	}
	download.Body.Close()
	if download.StatusCode != 200 || download.Header.Get("Content-Type") != "application/zip" {
		t.Errorf("the content: %s", download.Status)
	}
	link, err := url.Parse(shown.Content.Location)
	if err != nil {
		t.Fatal(err)
	}
	if a := w.unsigned.ask(t, "GET", link.Path, ""); a.status != 403 {
		t.Errorf("the content without the signature: %v", a)
	}
}
