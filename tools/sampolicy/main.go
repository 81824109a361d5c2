// Command sampolicy writes what furl knows of SAM's policy templates: their names, parameters and statements, and of
// AWS's managed policies: their paths and names. It reads them from a wheel of aws-sam-translator; run.sh has the
// version that is pinned:
//
//	sampolicy -wheel aws_sam_translator-VERSION-py3-none-any.whl -out internal/template/sam [-check]
//
// Package sam documents the form of the files.
package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	wheel := flag.String("wheel", "", "the wheel of aws-sam-translator to read")
	out := flag.String("out", "", "the folder of the files")
	check := flag.Bool("check", false, "write nothing; fail if a file is not what would be written")
	flag.Parse()
	if err := run(*wheel, *out, *check); err != nil {
		fmt.Fprintln(os.Stderr, "sampolicy:", err)
		os.Exit(1)
	}
}

func run(wheel, out string, check bool) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("open %s: %w", wheel, err)
	}
	defer archive.Close()
	source := strings.TrimSuffix(filepath.Base(wheel), "-py3-none-any.whl")
	templates, err := policyTemplates(&archive.Reader)
	if err != nil {
		return fmt.Errorf("read the policy templates of %s: %w", wheel, err)
	}
	var managed map[string]map[string]string
	if err := read(&archive.Reader, "samtranslator/internal/data/aws_managed_policies.json", &managed); err != nil {
		return fmt.Errorf("read the managed policies of %s: %w", wheel, err)
	}
	var names []string
	for _, arn := range managed["aws"] {
		_, name, _ := strings.Cut(arn, ":policy/")
		names = append(names, name)
	}
	slices.Sort(names)
	head := "# Written by tools/sampolicy from " + source + ".\n"
	for name, text := range map[string]string{
		"policytemplates.txt": templates, "managedpolicies.txt": strings.Join(names, "\n") + "\n",
	} {
		path, text := filepath.Join(out, name), []byte(head+text)
		if !check {
			err = os.WriteFile(path, text, 0o644)
		} else if have, readErr := os.ReadFile(path); readErr != nil {
			err = readErr
		} else if !bytes.Equal(have, text) {
			err = fmt.Errorf("%s is not what %s says: run tools/sampolicy/run.sh", path, source)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func read(archive *zip.Reader, name string, into any) error {
	file, err := archive.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func policyTemplates(archive *zip.Reader) (string, error) {
	var data struct {
		Templates map[string]struct {
			Parameters map[string]any
			Definition struct {
				Statement []struct {
					Effect    string
					Action    any
					Resource  any
					Condition map[string]map[string]any
				}
			}
		}
	}
	if err := read(archive, "samtranslator/policy_templates_data/policy_templates.json", &data); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(data.Templates)) {
		template := data.Templates[name]
		fmt.Fprintln(&out, strings.Join(append([]string{name}, slices.Sorted(maps.Keys(template.Parameters))...), " "))
		for _, statement := range template.Definition.Statement {
			if statement.Effect != "Allow" {
				return "", fmt.Errorf("%s has the effect %s", name, statement.Effect)
			}
			fmt.Fprintln(&out, " allow", strings.Trim(fmt.Sprint(statement.Action), "[]"))
			for _, resource := range items(statement.Resource) {
				text, err := value(resource)
				if err != nil {
					return "", fmt.Errorf("a resource of %s: %w", name, err)
				}
				fmt.Fprintln(&out, "  on", text)
			}
			for operator, keys := range statement.Condition {
				for key, of := range keys {
					text, err := value(of)
					if err != nil || len(statement.Condition) != 1 || len(keys) != 1 {
						return "", fmt.Errorf("the condition of %s has a new form: %v", name, statement.Condition)
					}
					fmt.Fprintln(&out, "  if", operator, key, text)
				}
			}
		}
	}
	return out.String(), nil
}

// items are what a list has; what is no list is one of its own.
func items(of any) []any {
	if list, ok := of.([]any); ok {
		return list
	}
	return []any{of}
}

// value is a value of a statement: a string, or an Fn::Sub whose variables are parameters of about the same name.
func value(of any) (string, error) {
	if text, ok := of.(string); ok {
		return text, nil
	}
	object, _ := of.(map[string]any)
	switch sub := object["Fn::Sub"].(type) {
	case string:
		return sub, nil
	case []any:
		text, _ := sub[0].(string)
		variables, _ := sub[1].(map[string]any)
		for variable, to := range variables {
			reference, _ := to.(map[string]any)
			parameter, _ := reference["Ref"].(string)
			if !strings.EqualFold(variable, parameter) {
				return "", fmt.Errorf("the variable %s is %v", variable, to)
			}
		}
		if text != "" && len(sub) == 2 {
			return text, nil
		}
	}
	return "", fmt.Errorf("%v is neither a string nor an Fn::Sub", of)
}
