package lambdaapi

import (
	"net/http"
	"net/url"
	"strings"
)

// router finds the operation of a request by method and path. It works on the path as sent, before any unescaping: a
// function's ARN comes as one segment whether its colons and slashes are escaped or not, and no request is ever
// redirected, which would break its signature.
type router map[string][]route // by method

type route struct {
	segments []string // literal, or {Label}
	key      string   // of the query parameter that tells the operation from another on the same path, "" for none
	value    string
	op       *operation
}

// parameters are the members of an input that are not in the body.
type parameters struct {
	labels map[string]string // from the path, unescaped
	query  url.Values
	header http.Header
}

func newRouter(table []operation) router {
	r := router{}
	for i := range table {
		op := &table[i]
		path, query, _ := strings.Cut(op.path, "?")
		key, value, _ := strings.Cut(query, "=")
		added := route{segments: split(path), key: key, value: value, op: op}
		if key != "" { // the more particular one is looked at first
			r[op.method] = append([]route{added}, r[op.method]...)
			continue
		}
		r[op.method] = append(r[op.method], added)
	}
	return r
}

// split takes a path apart at its slashes. AWS takes one slash at the end for none: older clients send it.
func split(path string) []string {
	return strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/")
}

func (r router) find(request *http.Request) (*operation, parameters, bool) {
	segments, query := split(request.URL.EscapedPath()), request.URL.Query()
	for i := range r[request.Method] {
		route := &r[request.Method][i]
		if route.key != "" && query.Get(route.key) != route.value {
			continue
		}
		if labels, ok := route.match(segments); ok {
			return route.op, parameters{labels: labels, query: query, header: request.Header}, true
		}
	}
	return nil, parameters{}, false
}

func (r *route) match(segments []string) (labels map[string]string, ok bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	for i, segment := range r.segments {
		if !strings.HasPrefix(segment, "{") {
			if segments[i] != segment {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[strings.Trim(segment, "{}")] = value
	}
	return labels, true
}

// fromPath is the value of a label, which is always there.
func (p parameters) fromPath(label string) *string {
	value := p.labels[label]
	return &value
}

// fromQuery is the first value of a query parameter, nil if there is none.
func (p parameters) fromQuery(name string) *string {
	values := p.query[name]
	if len(values) == 0 {
		return nil
	}
	return &values[0]
}

// fromHeader is the first value of a header, nil if there is none.
func (p parameters) fromHeader(name string) *string {
	values := p.header.Values(name)
	if len(values) == 0 {
		return nil
	}
	return &values[0]
}
