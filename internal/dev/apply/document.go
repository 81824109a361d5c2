//go:build unix

package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
)

// canonical is a policy document in one form of the many that mean the same: members in order, one item and a list of
// it the same, numbers and booleans as texts, accounts as ARNs. What is not JSON stays as it is.
func canonical(document string) string {
	read, err := decode(document)
	if err != nil {
		return document
	}
	statements := asList(read["Statement"])
	for _, s := range statements {
		statement, ok := s.(map[string]any)
		if !ok {
			continue
		}
		for name, value := range statement {
			switch name {
			case "Action", "NotAction", "Resource", "NotResource":
				statement[name] = texts(value)
			case "Principal", "NotPrincipal":
				statement[name] = canonicalPrincipal(value)
			case "Condition":
				operators, _ := value.(map[string]any)
				for _, keys := range operators {
					keys, _ := keys.(map[string]any)
					for key, values := range keys {
						keys[key] = texts(values)
					}
				}
			}
		}
	}
	read["Statement"] = statements
	return encode(read)
}

func decode(document string) (map[string]any, error) {
	var read map[string]any
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	err := decoder.Decode(&read)
	if err == nil && read == nil {
		err = fmt.Errorf("the document is no object")
	}
	return read, err
}

func encode(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // it was decoded from JSON
	}
	return strings.TrimSpace(text.String())
}

func asList(value any) []any {
	switch value := value.(type) {
	case nil:
		return []any{}
	case []any:
		return value
	}
	return []any{value}
}

// texts is a list of scalars as sorted texts; one alone stands for itself.
func texts(value any) any {
	list := []string{}
	for _, item := range asList(value) {
		list = append(list, fmt.Sprint(item))
	}
	return single(list)
}

func single(list []string) any {
	slices.Sort(list)
	if list = slices.Compact(list); len(list) == 1 {
		return list[0]
	}
	return list
}

func canonicalPrincipal(value any) any {
	byType, ok := value.(map[string]any)
	if !ok {
		byType = map[string]any{"AWS": value} // * means everybody, as {"AWS": "*"} does
	}
	all := map[string]any{}
	for kind, names := range byType {
		list := []string{}
		for _, item := range asList(names) {
			name := fmt.Sprint(item)
			if kind == "AWS" && arn.IsAccount(name) {
				name = arn.Root(name).String()
			}
			list = append(list, name)
		}
		all[kind] = single(list)
	}
	return all
}

// principals are the principals of type AWS in a document.
func principals(document string) (found []string) {
	_ = mapPrincipals(document, func(principal string) string {
		found = append(found, principal)
		return principal
	})
	return found
}

// mapPrincipals is the document with other principals of type AWS; the document itself if none changes.
func mapPrincipals(document string, f func(string) string) string {
	read, err := decode(document)
	if err != nil {
		return document
	}
	changed := false
	each := func(name any) any {
		text, ok := name.(string)
		if !ok {
			return name
		}
		mapped := f(text)
		changed = changed || mapped != text
		return mapped
	}
	for _, s := range asList(read["Statement"]) {
		statement, _ := s.(map[string]any)
		for _, element := range []string{"Principal", "NotPrincipal"} {
			byType, _ := statement[element].(map[string]any)
			switch names := byType["AWS"].(type) {
			case string:
				byType["AWS"] = each(names)
			case []any:
				for i, name := range names {
					names[i] = each(name)
				}
			}
		}
	}
	if !changed {
		return document
	}
	return encode(read)
}

func sortProperties(all properties) {
	slices.SortFunc(all, func(x, y property) int { return strings.Compare(x.name, y.name) })
}

// sortedKeys are the keys of a map, in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
