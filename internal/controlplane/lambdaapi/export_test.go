package lambdaapi

import "net/http"

// Route is what the router makes of a request: the operation's name and the labels of its path.
func (a *API) Route(r *http.Request) (name string, labels map[string]string, ok bool) {
	op, parameters, ok := a.routes.find(r)
	if !ok {
		return "", nil, false
	}
	return op.name, parameters.labels, true
}

// DecodeCreateFunction reads a body as CreateFunction does, and applies what it says to nothing.
func DecodeCreateFunction(body []byte) error {
	var in createFunctionInput
	if err := decode(body, &in); err != nil {
		return err
	}
	if err := in.check().err(); err != nil {
		return err
	}
	return in.supported()
}
