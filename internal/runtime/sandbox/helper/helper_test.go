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
		Confined: true, Path: "/code/bootstrap", Args: []string{"/code/bootstrap", ""}, Env: []string{"A=b\nc", "D="}, Dir: "/code",
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

// A piece of a Spec is no Spec.
func TestDecodePieces(t *testing.T) {
	text := spec().Encode()
	for n := range text {
		if _, ok := helper.Decode(text[:n]); ok {
			t.Errorf("the first %d bytes are taken for a whole", n)
		}
	}
	if _, ok := helper.Decode(append(text, 0)); ok {
		t.Error("something behind it is ignored")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(spec().Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		s, ok := helper.Decode(text)
		if !ok {
			return
		}
		again, ok := helper.Decode(s.Encode())
		if diff := cmp.Diff(s, again); !ok || diff != "" {
			t.Errorf("%t\n%s", ok, diff)
		}
	})
}
