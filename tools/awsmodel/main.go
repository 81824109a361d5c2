// Command awsmodel writes what furl knows of AWS's API models: the operations, their routes, members, types,
// constraints, enums and error names, without a word of their documentation. It reads them from a wheel of botocore;
// run.sh has the version that is pinned:
//
//	awsmodel -wheel botocore-VERSION-py3-none-any.whl -out internal/controlplane/wire/model [-check]
//
// The file of an API has one fact on each line; package wire documents the form. Beside them it writes services.txt, the
// services that furl does not have; package controlplane documents its form.
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// apis are the models that furl speaks, by the name of their file.
var apis = map[string]string{
	"iam":    "iam/2010-05-08",
	"lambda": "lambda/2015-03-31",
	"sts":    "sts/2011-06-15",
}

func main() {
	wheel := flag.String("wheel", "", "the wheel of botocore to read")
	out := flag.String("out", "", "the folder of the model files")
	services := flag.String("services", "", "the file of the services that furl does not have")
	check := flag.Bool("check", false, "write nothing; fail if a file is not what would be written")
	flag.Parse()
	if err := run(*wheel, *out, *services, *check); err != nil {
		fmt.Fprintln(os.Stderr, "awsmodel:", err)
		os.Exit(1)
	}
}

func run(wheel, out, services string, check bool) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("open %s: %w", wheel, err)
	}
	defer archive.Close()
	source := strings.TrimSuffix(filepath.Base(wheel), "-py3-none-any.whl")
	files := map[string][]byte{}
	for name, folder := range apis {
		m, err := read(&archive.Reader, "botocore/data/"+folder+"/service-2.json.gz")
		if err != nil {
			return fmt.Errorf("read the model of %s from %s: %w", name, wheel, err)
		}
		files[filepath.Join(out, name+".txt")] = m.text(source)
	}
	if files[services], err = others(&archive.Reader, source); err != nil {
		return fmt.Errorf("read the services of %s: %w", wheel, err)
	}
	for path, text := range files {
		if !check {
			err = os.WriteFile(path, text, 0o644)
		} else if present, readErr := os.ReadFile(path); readErr != nil || !bytes.Equal(present, text) {
			err = errors.Join(readErr, fmt.Errorf("%s is not what the tool writes; run: make model", path))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// model is what is read of a service model.
type model struct {
	Metadata struct {
		APIVersion, EndpointPrefix, Protocol string
		ServiceID, SigningName, TargetPrefix string
		Protocols                            []string
	}
	Operations map[string]operation
	Shapes     map[string]shape
}

type operation struct {
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input, Output struct{ Shape string }
	AuthType      string
}

type shape struct {
	Type       string
	Members    members
	Required   []string
	Payload    string
	Member     member
	Key, Value struct{ Shape string }
	Min, Max   json.Number
	Enum       []string
	Pattern    string
	Sensitive  bool
	Exception  bool
	Error      struct {
		Code           string
		HTTPStatusCode int
	}
}

type member struct {
	Name                   string `json:"-"`
	Shape                  string
	Location, LocationName string
}

// members keeps the order of the model, in which Lambda lists what is wrong with a request.
type members []member

func (m *members) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		one := member{Name: name.(string)}
		if err := decoder.Decode(&one); err != nil {
			return err
		}
		*m = append(*m, one)
	}
	return nil
}

func read(archive *zip.Reader, path string) (*model, error) {
	file, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	m := &model{}
	return m, json.NewDecoder(unpacked).Decode(m)
}

func sorted[V any](values map[string]V) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// text is the API's file.
func (m *model) text(source string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Facts of the API model in %s. Written by tools/awsmodel: do not edit.\n", source)
	fmt.Fprintf(&out, "api %s %s %s\n", m.Metadata.EndpointPrefix, m.Metadata.APIVersion, m.Metadata.Protocol)
	reached := map[string]bool{}
	for _, name := range sorted(m.Operations) {
		op := m.Operations[name]
		fmt.Fprintf(&out, "op %s %s %s %d %s %s", name, op.HTTP.Method, op.HTTP.RequestURI,
			cmp.Or(op.HTTP.ResponseCode, 200), cmp.Or(op.Input.Shape, "-"), cmp.Or(op.Output.Shape, "-"))
		if op.AuthType == "none" {
			out.WriteString(" unsigned")
		}
		out.WriteByte('\n')
		m.reach(op.Input.Shape, reached)
	}
	for _, name := range sorted(m.Shapes) {
		if s := m.Shapes[name]; s.Exception {
			s.writeError(&out, name)
		}
	}
	for _, name := range sorted(reached) {
		s := m.Shapes[name]
		s.write(&out, name)
	}
	return out.Bytes()
}

// reach notes the shape and all below it.
func (m *model) reach(name string, reached map[string]bool) {
	if name == "" || reached[name] {
		return
	}
	reached[name] = true
	s := m.Shapes[name]
	for _, below := range s.Members {
		m.reach(below.Shape, reached)
	}
	m.reach(s.Member.Shape, reached)
	m.reach(s.Key.Shape, reached)
	m.reach(s.Value.Shape, reached)
}

func (s *shape) writeError(out *bytes.Buffer, name string) {
	fmt.Fprintf(out, "error %s %d", cmp.Or(s.Error.Code, name), cmp.Or(s.Error.HTTPStatusCode, 400))
	for _, m := range s.Members {
		fmt.Fprintf(out, " %s", m.Name)
	}
	out.WriteByte('\n')
}

func (s *shape) write(out *bytes.Buffer, name string) {
	fmt.Fprintf(out, "%s %s", s.Type, name)
	for _, attribute := range []struct{ key, value string }{
		{"payload", s.Payload}, {"member", s.Member.Shape}, {"key", s.Key.Shape}, {"value", s.Value.Shape},
		{"min", s.Min.String()}, {"max", s.Max.String()}, {"enum", strings.Join(s.Enum, "|")},
	} {
		if attribute.value != "" {
			fmt.Fprintf(out, " %s=%s", attribute.key, attribute.value)
		}
	}
	if s.Sensitive {
		out.WriteString(" sensitive")
	}
	if s.Pattern != "" {
		fmt.Fprintf(out, " pattern=%s", s.Pattern)
	}
	out.WriteByte('\n')
	for _, m := range s.Members {
		required := ""
		if slices.Contains(s.Required, m.Name) {
			required = "!"
		}
		fmt.Fprintf(out, " %s%s %s", m.Name, required, m.Shape)
		if m.Location != "" || m.LocationName != "" && m.LocationName != m.Name {
			fmt.Fprintf(out, " %s=%s", cmp.Or(m.Location, "name"), m.LocationName)
		}
		out.WriteByte('\n')
	}
}
