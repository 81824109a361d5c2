//go:build unix

package runtime_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// hasMountNamespaces reports whether functions have one here where the mode asks for it.
func hasMountNamespaces(t *testing.T) bool {
	t.Helper()
	s := sandbox.New(sandbox.Config{Dir: t.TempDir()})
	defer s.Close()
	return s.Opt("/layers") == "/opt"
}

// layered makes a function of the files of a package and of its layers.
func (b *bench) layered(t *testing.T, name, handler string, files, layers map[string]string) *runtime.Function {
	t.Helper()
	fn := b.function(handler)
	fn.Runtime, fn.CodeDir, fn.Opt = name, writeFiles(t, files), writeFiles(t, layers)
	fn.Key = fn.CodeDir
	return fn
}

const (
	pythonHandler = "def handler(event, context):\n    return "
	nodeHandler   = "exports.handler = async () => "
)

// Where functions find what is in their layers: lambda-facts.md of the project, section 4 (AWS Lambda Developer Guide,
// "Packaging your layer content"). All of it works without a mount namespace, too.
func TestFunctionsFindTheirLayers(t *testing.T) {
	layers := map[string]string{
		"python/both.py": "where = 'python'\n", "python/lib/python3.11/site-packages/both.py": "where = 'site-packages'\n",
		"python/plain.py": "where = 'python'\n", "python/app_too.py": "where = 'layer'\n",
		"python/in_layer.py":                                   pythonHandler + "'handler'\n",
		"python/lib/python3.12/site-packages/other.py":         "",
		"nodejs/node_modules/p/package.json":                   manifest,
		"nodejs/node_modules/p/index.js":                       "exports.where = 'node_modules';",
		"nodejs/node20/node_modules/q/package.json":            manifest,
		"nodejs/node20/node_modules/q/index.js":                "exports.where = 'node20';",
		"nodejs/node_modules/@aws-sdk/client-own/package.json": manifest,
		"nodejs/node_modules/@aws-sdk/client-own/index.js":     "exports.where = 'layer';",
		"nodejs/node_modules/own/package.json":                 manifest,
		"nodejs/node_modules/own/index.js":                     "exports.where = 'layer';",
		"bin/furl-tool":                                        "#!/bin/sh\necho tool\n",
		"wrap":                                                 "#!/bin/sh\nexport WRAPPED=\"$#\"\nexec \"$@\"\n",
		"bare":                                                 "exec \"$@\"\n",
		"closed":                                               "#!/bin/sh\n",
	}
	python := map[string]string{"app.py": "import both\n" + pythonHandler + "both.where\n"}
	for _, row := range []struct {
		name, program, runtime, handler string
		files                           map[string]string
		env                             map[string]string
		want                            string
	}{
		{"site-packages before python", "python3", "python3.11", "app.handler", python, nil, `"site-packages"`},
		{"whatever PYTHONPATH is", "python3", "python3.11", "app.handler", python, map[string]string{"PYTHONPATH": "/nowhere"}, `"site-packages"`},
		{"those of another version do not count", "python3", "python3.11", "app.handler", map[string]string{
			"app.py": "def handler(event, context):\n    import other\n",
		}, nil, `No module named 'other'`},
		{"python", "python3", "python3.11", "app.handler", map[string]string{"app.py": "import plain\n" + pythonHandler + "plain.where\n"}, nil, `"python"`},
		{"the package before the layers", "python3", "python3.11", "app.handler", map[string]string{
			"app_too.py": "where = 'package'\n", "app.py": "import app_too\n" + pythonHandler + "app_too.where\n",
		}, nil, `"package"`},
		{"a handler in a layer", "python3", "python3.11", "in_layer.handler", map[string]string{"x": ""}, nil, `"handler"`},
		{"bin", "python3", "python3.11", "app.handler", map[string]string{
			"app.py": "import subprocess\n" + pythonHandler + "subprocess.run(['furl-tool'], capture_output=True, text=True).stdout\n",
		}, nil, `"tool\n"`},
		{"require", "node", "nodejs20.x", "index.handler", map[string]string{"index.js": "const { where } = require('p');" + nodeHandler + "where;"}, nil, `"node_modules"`},
		{"require of a version", "node", "nodejs20.x", "index.handler", map[string]string{"index.js": "const { where } = require('q');" + nodeHandler + "where;"}, nil, `"node20"`},
		{"require of another version", "node", "nodejs18.x", "index.handler", map[string]string{"index.js": "const { where } = require('q');" + nodeHandler + "where;"}, nil, `Cannot find module 'q'`},
		{"the package's modules before the layers'", "node", "nodejs20.x", "index.handler", map[string]string{
			"node_modules/own/index.js": "exports.where = 'package';", "index.js": "const { where } = require('own');" + nodeHandler + "where;",
		}, nil, `"package"`},
		// ES modules do not use NODE_PATH.
		{"import", "node", "nodejs20.x", "index.handler", map[string]string{"index.mjs": "import { where } from 'p'; export const handler = async () => where;"}, nil, `Cannot find package 'p'`},
		{"import of an SDK", "node", "nodejs20.x", "index.handler", map[string]string{"index.mjs": "import { where } from '@aws-sdk/client-own'; export const handler = async () => where;"}, nil, `Cannot find package '@aws-sdk/client-own'`},
		{"a wrapper", "python3", "python3.11", "app.handler", map[string]string{"app.py": "import os\n" + pythonHandler + "int(os.environ['WRAPPED']) > 3, os.getcwd() == os.environ['PWD']\n"},
			map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"}, `[true, true]`},
		{"a wrapper without an interpreter line", "node", "nodejs20.x", "index.handler", map[string]string{"index.js": nodeHandler + "1;"},
			map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bare"}, `1`},
		{"a wrapper that is missing", "node", "nodejs20.x", "index.handler", map[string]string{"index.js": nodeHandler + "1;"},
			map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/missing"}, `Error: Runtime exited with error: exit status 127`},
		{"a wrapper that is not executable", "node", "nodejs20.x", "index.handler", map[string]string{"index.js": nodeHandler + "1;"},
			map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/closed"}, `Error: Runtime exited with error: exit status 126`},
	} {
		for _, mode := range []sandbox.Mode{sandbox.Auto, sandbox.Off} {
			t.Run(row.name+" "+string(mode), func(t *testing.T) {
				needs(t, row.program)
				b := newBench(t, func(c *runtime.Config) { c.Sandbox.Mode = mode })
				fn := b.layered(t, row.runtime, row.handler, row.files, layers)
				for _, program := range []string{"bin/furl-tool", "wrap", "bare"} {
					if err := os.Chmod(filepath.Join(fn.Opt, program), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				fn.Environment = row.env
				if body, _, _ := b.invoke(fn, nil); !strings.Contains(body, row.want) {
					t.Errorf("body = %s, want %s\n%s", body, row.want, b.log)
				}
			})
		}
	}
}

// A library of a layer is found by its name, which takes a program whose search path is set before it starts.
func TestLibrariesOfLayers(t *testing.T) {
	needs(t, "python3")
	var library []byte
	for _, pattern := range []string{"/lib/*/libm.so.6", "/usr/lib/*/libm.so.6", "/lib64/libm.so.6", "/lib/libm.so.6"} {
		for _, path := range must1(filepath.Glob(pattern)) {
			library = must1(os.ReadFile(path))
		}
	}
	if library == nil {
		skip(t, "there is no library to copy on this system")
	}
	for _, mode := range []sandbox.Mode{sandbox.Auto, sandbox.Off} {
		b := newBench(t, func(c *runtime.Config) { c.Sandbox.Mode = mode })
		fn := b.layered(t, "python3.11", "app.handler", map[string]string{
			"app.py": "import ctypes\n" + pythonHandler + "ctypes.CDLL('libfurl-test.so') and 1\n",
		}, map[string]string{"lib/libfurl-test.so": string(library)})
		if body, _, _ := b.invoke(fn, nil); body != "1" {
			t.Errorf("%s: %s", mode, body)
		}
	}
}

func must1[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Recorded from AWS: the order of NODE_PATH, and /opt at the end of PATH and LD_LIBRARY_PATH.
func TestSearchPathsNameTheLayers(t *testing.T) {
	needs(t, "node")
	for _, mode := range []sandbox.Mode{sandbox.Auto, sandbox.Off} {
		t.Run(string(mode), func(t *testing.T) {
			b := newBench(t, func(c *runtime.Config) { c.Sandbox.Mode = mode })
			fn := b.layered(t, "nodejs22.x", "index.handler", map[string]string{"index.js": nodeHandler + "process.env;"}, map[string]string{"x": ""})
			body, _, _ := b.invoke(fn, nil)
			opt := "/opt"
			if mode == sandbox.Off || !hasMountNamespaces(t) {
				opt = fn.Opt
			}
			for _, want := range []string{
				fmt.Sprintf(`"NODE_PATH":"%[1]s/nodejs/node22/node_modules:%[1]s/nodejs/node_modules:`, opt),
				`:/usr/local/bin:/usr/bin/:/bin:` + opt + `/bin"`,
				`"LD_LIBRARY_PATH":"` + fn.CodeDir + ":" + fn.CodeDir + "/lib:" + opt + `/lib"`,
			} {
				if !strings.Contains(body, want) {
					t.Errorf("no %s in %s", want, body)
				}
			}
			if said := strings.Contains(b.log.String(), "furl: the layers are in "+fn.Opt+", not in /opt"); said != (opt != "/opt") {
				t.Errorf("the log says that the layers are elsewhere: %t\n%s", said, b.log)
			}
		})
	}
}

// In a mount namespace the layers are /opt, as at AWS: nothing else is there, and nobody can write there.
func TestLayersAreOpt(t *testing.T) {
	needs(t, "python3")
	if !hasMountNamespaces(t) {
		skip(t, "there are no mount namespaces here")
	}
	b := newBench(t, confined)
	fn := b.layered(t, "python3.11", "app.handler", map[string]string{
		"app.py": "import os\n" + pythonHandler + "sorted(os.listdir('/opt')), os.access('/opt', os.W_OK), os.access('/opt/x', os.W_OK), " +
			"open('/opt/x').read(), os.path.exists(event)\n",
	}, map[string]string{"x": "content", "y/z": ""})
	if body, _, _ := b.invoke(fn, fn.Opt); body != `[["x", "y"], false, false, "content", false]` {
		t.Errorf("body = %s", body)
	}
}

// A custom runtime may come with a layer; the package's own comes first.
func TestBootstrapOfALayer(t *testing.T) {
	const script = `#!/bin/sh
echo "bootstrap of the $WHOSE"
exit 7
`
	layer := map[string]string{"bootstrap": strings.ReplaceAll(script, "$WHOSE", "layer"), "other": ""}
	for _, mode := range []sandbox.Mode{sandbox.Auto, sandbox.Off} {
		for _, row := range []struct {
			name      string
			files     map[string]string
			opened    bool
			want, log string
		}{
			{"of the layer", map[string]string{"x": ""}, true, "exit status 7", "bootstrap of the layer"},
			{"of the package", map[string]string{"bootstrap": strings.ReplaceAll(script, "$WHOSE", "package")}, true, "exit status 7", "bootstrap of the package"},
			{"that is not executable", map[string]string{"x": ""}, false, `"Runtime.InvalidEntrypoint"`, "permission denied"},
			{"that is not executable", map[string]string{"x": ""}, false, `Error: fork/exec /opt/bootstrap: permission denied"`, "permission denied"},
		} {
			t.Run(row.name+" "+string(mode), func(t *testing.T) {
				b := newBench(t, func(c *runtime.Config) { c.Sandbox.Mode = mode })
				fn := b.layered(t, "provided.al2023", "main", row.files, layer)
				if row.opened {
					for _, dir := range []string{fn.CodeDir, fn.Opt} {
						os.Chmod(filepath.Join(dir, "bootstrap"), 0o755) //nolint:errcheck // not every package has one
					}
				}
				body, result, _ := b.invoke(fn, nil)
				result.LogTail()
				if !strings.Contains(body, row.want) || !strings.Contains(b.log.String(), row.log) {
					t.Errorf("body %s, want %s; log, want %q:\n%s", body, row.want, row.log, b.log)
				}
			})
		}
	}
}

// What this machine has in /opt and a function needs stays there, in the midst of its layers.
func TestLayersAroundWhatAFunctionNeeds(t *testing.T) {
	needs(t, "python3")
	if !hasMountNamespaces(t) {
		skip(t, "there are no mount namespaces here")
	}
	dir, err := os.MkdirTemp("/opt", "furl-test-")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"tools/tool": "tool", "secret": "secret", "taken": "of the machine"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	base := filepath.Base(dir)
	b := newBench(t, confined, func(c *runtime.Config) {
		c.Sandbox.Read = []string{filepath.Join(dir, "tools"), filepath.Join(dir, "taken")}
	})
	fn := b.layered(t, "python3.11", "app.handler", map[string]string{
		"app.py": "import os\n" + `def handler(event, context):
    texts = {}
    for top, _, names in os.walk("/opt"):
        for name in names:
            texts[os.path.relpath(os.path.join(top, name), event)] = open(os.path.join(top, name)).read()
    return sorted(texts.items())
`,
	}, map[string]string{"x": "layer", base + "/y": "layer", base + "/taken": "layer", base + "/tools/z": "layer"})
	if err := os.Symlink("x", filepath.Join(fn.Opt, "link")); err != nil {
		t.Fatal(err)
	}
	body, _, _ := b.invoke(fn, dir)
	const want = `[["../link", "layer"], ["../x", "layer"], ["taken", "of the machine"], ["tools/tool", "tool"], ["y", "layer"]]`
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
}

// Python takes a compiled module for that of any source with the same path, time and size.
func TestLayersDoNotShareCompiledModules(t *testing.T) {
	needs(t, "python3")
	b := newBench(t, confined)
	files := map[string]string{"app.py": "import m\n" + pythonHandler + "m.x\n"}
	first := b.layered(t, "python3.11", "app.handler", files, map[string]string{"python/m.py": "x = 1\n"})
	if body, _, _ := b.invoke(first, nil); body != "1" {
		t.Fatal(body)
	}
	second := *first
	second.Key, second.Opt = "second", writeFiles(t, map[string]string{"python/m.py": "x = 2\n"})
	info := must1(os.Stat(filepath.Join(first.Opt, "python/m.py")))
	if err := os.Chtimes(filepath.Join(second.Opt, "python/m.py"), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if body, _, _ := b.invoke(&second, nil); body != "2" {
		t.Errorf("body = %s", body)
	}
}

// Java and Ruby are told where the layers are, and may have AWS's client from one (Lambda Developer Guide, "Packaging
// your layer content": java/lib, ruby/lib, ruby/gems/VERSION).
func TestJavaAndRubyWithLayers(t *testing.T) {
	const jar = "aws-lambda-java-runtime-interface-client-2.8.3.jar"
	const gem = "gems/aws_lambda_ric-3.0.0/bin/aws_lambda_ric"
	for _, row := range []struct {
		runtime       string
		files, layers map[string]string
		want, env     []string
	}{
		{"java21", map[string]string{"lib/" + jar: ""}, map[string]string{"java/lib/x.jar": ""},
			[]string{"{code}:{code}/lib/*:{opt}/java/lib/*"}, nil},
		{"java21", map[string]string{"x": ""}, map[string]string{"java/lib/" + jar: ""},
			[]string{"{code}:{code}/lib/*:{opt}/java/lib/*"}, nil},
		{"ruby3.4", map[string]string{"vendor/bundle/ruby/3.4.0/" + gem: ""}, map[string]string{"ruby/lib/x.rb": ""},
			[]string{"{code}/vendor/bundle/ruby/3.4.0/" + gem},
			[]string{"GEM_PATH={code}/vendor/bundle/ruby/3.4.0:{opt}/ruby/gems/3.4.0", "RUBYLIB={code}:{opt}/ruby/lib"}},
		{"ruby3.4", map[string]string{"x": ""}, map[string]string{"ruby/gems/3.4.0/" + gem: ""},
			[]string{"{opt}/ruby/gems/3.4.0/" + gem}, nil},
	} {
		t.Run(row.runtime, func(t *testing.T) {
			machine(t, map[string]string{"java": "x", "ruby": "x"})
			pool, err := runtime.New(runtime.Config{Dir: t.TempDir(), Sandbox: sandbox.Config{Mode: sandbox.Off}})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			fn := &runtime.Function{
				Runtime: row.runtime, Handler: "app.handler", CodeDir: packageWith(t, row.files), Opt: packageWith(t, row.layers),
			}
			words, variables, _, err := pool.Command(t.Context(), fn)
			if err != nil {
				t.Fatal(err)
			}
			filled := strings.NewReplacer("{code}", fn.CodeDir, "{opt}", fn.Opt).Replace
			for _, want := range row.want {
				if !slices.Contains(words, filled(want)) {
					t.Errorf("no %s in %q", filled(want), words)
				}
			}
			for _, want := range row.env {
				if !slices.Contains(variables, filled(want)) {
					t.Errorf("no %s in %q", filled(want), variables)
				}
			}
		})
	}
}
