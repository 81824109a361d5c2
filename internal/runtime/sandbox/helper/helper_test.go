//go:build unix

package helper_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime/sandbox/helper"
)

func spec() *helper.Spec {
	return &helper.Spec{
		Namespaced: true, Root: "/data/root",
		Mounts: []helper.Mount{
			{Kind: helper.Bind, Target: "/usr", Source: "/usr"}, {Kind: helper.Temp, Target: "/dev/shm", Source: "size=1m"},
		},
		Landlock: 7, Rules: []helper.Rule{{Path: "/"}, {Path: "/tmp", Write: true}},
		Confined: true,
	}
}

func program() *helper.Program {
	return &helper.Program{
		Path: "/code/bootstrap", Args: []string{"/code/bootstrap", ""}, Env: []string{"A=b\nc", "D="}, Dir: "/code",
		Output: helper.SecondOutput,
	}
}

func TestEncodeAndDecode(t *testing.T) {
	for _, want := range []*helper.Spec{spec(), {}, {Probe: true}} {
		got, ok := helper.Decode(want.Encode())
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%t\n%s", ok, diff)
		}
	}
}

func TestEncodeAndDecodeProgram(t *testing.T) {
	for _, want := range []*helper.Program{program(), {}} {
		got, ok := helper.DecodeProgram(want.Encode())
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%t\n%s", ok, diff)
		}
	}
}

// A piece of a Spec is no Spec, and a piece of a Program no Program.
func TestDecodePieces(t *testing.T) {
	for name, row := range map[string]struct {
		text    []byte
		decodes func([]byte) bool
	}{
		"Spec":    {spec().Encode(), func(text []byte) bool { _, ok := helper.Decode(text); return ok }},
		"Program": {program().Encode(), func(text []byte) bool { _, ok := helper.DecodeProgram(text); return ok }},
	} {
		for n := range row.text {
			if row.decodes(row.text[:n]) {
				t.Errorf("%s: the first %d bytes are taken for a whole", name, n)
			}
		}
		if row.decodes(append(row.text, 0)) {
			t.Errorf("%s: something behind it is ignored", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(spec().Encode())
	f.Add(program().Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, ok := helper.Decode(text); ok {
			again, ok := helper.Decode(s.Encode())
			if diff := cmp.Diff(s, again); !ok || diff != "" {
				t.Errorf("%t\n%s", ok, diff)
			}
		}
		if p, ok := helper.DecodeProgram(text); ok {
			again, ok := helper.DecodeProgram(p.Encode())
			if diff := cmp.Diff(p, again); !ok || diff != "" {
				t.Errorf("%t\n%s", ok, diff)
			}
		}
	})
}
