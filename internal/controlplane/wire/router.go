package wire

import (
	"net/http"
	"net/url"
	"strings"
)

// router finds the operation of a request in REST-JSON by method and path. It works on the path as sent, before any
// unescaping: a function's ARN comes as one segment whether its colons and slashes are escaped or not, and no request
// is ever redirected, which would break its signature.
type router map[string][]route // by method

type route struct {
	segments []string // literal, or {Label}
	key      string   // of the query parameter that tells the operation from another on the same path, "" for none
	value    string
	op       *operation
}

func newRouter(m *model) router {
	r := router{}
	for _, name := range m.names() {
		op := m.operations[name]
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

// find is the operation and the values of the path's labels, unescaped.
func (r router) find(request *http.Request) (*operation, map[string]string, bool) {
	segments, query := split(request.URL.EscapedPath()), request.URL.Query()
	for i := range r[request.Method] {
		route := &r[request.Method][i]
		if route.key != "" && query.Get(route.key) != route.value {
			continue
		}
		if labels, ok := route.match(segments); ok {
			return route.op, labels, true
		}
	}
	return nil, nil, false
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
