package arn

import "strings"

// URLHost is the host of a function URL: ID.lambda-url.REGION.SUFFIX, and ID.CELL-lambda-url.REGION.SUFFIX for some of
// the first URLs that AWS made. All fields are in lower case.
type URLHost struct {
	ID     string
	Cell   string // "cell-1"; "" for nearly all
	Region string
	Suffix string // on.aws at AWS
	Port   string // "" for none
}

// urlService is the label that tells the hosts of function URLs from others.
const urlService = "lambda-url"

// String is the host as it stands in a URL.
func (h URLHost) String() string {
	service, port := urlService, ""
	if h.Cell != "" {
		service = h.Cell + "-" + urlService
	}
	if h.Port != "" {
		port = ":" + h.Port
	}
	return h.ID + "." + service + "." + h.Region + "." + h.Suffix + port
}

// ParseURLHost takes the host of a function URL apart, in any case, with or without port. It takes any
// suffix, since each local server has its own: a caller that trusts some only compares.
func ParseURLHost(host string) (URLHost, error) {
	refusal := refuse("%q is not the host of a function URL: ID.lambda-url.REGION.on.aws", host)
	name, port, _ := strings.Cut(strings.ToLower(host), ":")
	labels := strings.SplitN(name, ".", 4)
	if len(labels) != 4 || strings.Trim(port, digits) != "" {
		return URLHost{}, refusal
	}
	h := URLHost{ID: labels[0], Region: labels[2], Suffix: labels[3], Port: port}
	if cell, ok := strings.CutSuffix(labels[1], "-"+urlService); ok && len(cell) > len("cell-") {
		h.Cell = cell
	}
	known := labels[1] == urlService || strings.HasPrefix(h.Cell, "cell-")
	// A name may end in a dot, which stands for the root. Such a suffix is another one than that without.
	for _, label := range append(labels[:3], strings.Split(strings.TrimSuffix(h.Suffix, "."), ".")...) {
		known = known && isMade(label, lower+digits+"-_")
	}
	if !known {
		return URLHost{}, refusal
	}
	return h, nil
}
