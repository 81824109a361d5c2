package controlplane

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// services.txt has a line for each service of AWS that furl does not have, with tabs between
//
//	its name in a credential scope, its service id, its first protocol, and marks
//
// Marks tell its requests from those of other services with the same name in the scope: the target or the name in
// a path of Smithy RPC, the version in a form, the first segment of a path, and * for any other path.
//
//go:embed services.txt
var servicesText string

// service is a service of AWS that furl does not have.
type service struct {
	signer   string
	id       string // as SDKs call it: Secrets Manager
	protocol string // for requests whose form does not show it
	marks    []string
}

var services = sync.OnceValue(func() []service {
	var all []service
	for line := range strings.Lines(servicesText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, service{fields[0], fields[1], fields[2], strings.Fields(fields[3])})
	}
	return all
})

// signers are further names in credential scopes, which botocore's endpoint rules and endpoints.json give and the
// models do not.
var signers = map[string]string{"s3express": "s3", "s3-object-lambda": "s3", "IngestionService": "importexport"}

// variable is the environment variable in which SDKs look for the service's endpoint (AWS SDKs and Tools Reference
// Guide, "Service-specific endpoints").
func (s service) variable() string { return endpointVariable + strings.ToUpper(s.option()) }

const endpointVariable = "AWS_ENDPOINT_URL_"

// option is the service as --endpoint has it: as in the variable, in lower case.
func (s service) option() string {
	return strings.ToLower(strings.NewReplacer(" ", "_", "-", "_").Replace(s.id))
}

// EndpointVariables are the environment variables in which SDKs look for the endpoint of a service of AWS that furl does
// not have. It is named as in its variable, in any case and with or without what separates the words, or, if no service
// has that name, as in credential scopes: then it may be several.
func EndpointVariables(name string) ([]string, error) {
	plain := func(text string) string {
		return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(text))
	}
	wanted := plain(strings.TrimPrefix(strings.ToUpper(name), endpointVariable))
	var named, signed []string
	for _, s := range services() {
		if plain(s.id) == wanted {
			named = append(named, s.variable())
		}
		if plain(s.signer) == wanted {
			signed = append(signed, s.variable())
		}
	}
	_, own := apiNames[wanted]
	switch {
	case len(named) > 0:
		return named, nil
	case own:
		return nil, fmt.Errorf("furl has the service %s itself", apiNames[wanted])
	case len(signed) > 0:
		return signed, nil
	}
	return nil, fmt.Errorf("AWS has no service %q: name it as in %sSERVICE, such as dynamodb, s3, sqs or secrets_manager",
		name, endpointVariable)
}

// foreign is a request to services that furl does not have. There is more than one if nothing tells which it is for.
type foreign struct {
	services []service
	form     requestForm
}

// foreign recognizes a request to a service that furl does not have: by the credential scope, and if that names none
// or an API of furl, by the form of the request. Nobody has to prove who they are to be told.
func (p *Plane) foreign(r *http.Request) (foreign, bool) {
	signer := claimedService(r)
	if name, ok := signers[signer]; ok {
		signer = name
	}
	form, marks := p.formOf(r)
	// A form that names its service counts more than a scope that cannot be right.
	bound := signer != "" && !(p.has(signer) && form.isRPC())
	var marked, open, all []service
	for _, s := range services() {
		if bound && s.signer != signer {
			continue
		}
		all = append(all, s)
		if slices.ContainsFunc(marks, func(mark string) bool { return slices.Contains(s.marks, mark) }) {
			marked = append(marked, s)
		}
		if slices.Contains(s.marks, "*") {
			open = append(open, s)
		}
	}
	switch {
	case len(marked) > 0:
		return foreign{marked, form}, bound || form.isRPC()
	case signer == "" || p.has(signer):
		return foreign{}, false
	case len(open) > 0:
		return foreign{open, form}, true
	case len(all) > 0:
		return foreign{all, form}, true
	default: // a service that is newer than the list
		return foreign{[]service{{signer: signer, id: signer, protocol: "rest-json"}}, form}, true
	}
}

func (p *Plane) has(service string) bool {
	return slices.ContainsFunc(p.APIs, func(api API) bool { return api.Service() == service })
}

// mustVerify reports whether a request is signed for an API of furl, as far as one can see, so that its body is not
// read before the signature is looked at.
func (p *Plane) mustVerify(r *http.Request) bool {
	service := claimedService(r)
	return isSigned(r) && (service == "" || p.has(service))
}

// claimedService is the service in the credential scope, for all versions of AWS's signatures. The scope of SigV4A has
// no region, and the version 2 of S3 has no scope.
func claimedService(r *http.Request) string {
	if service, _ := auth.ClaimedScope(r); service != "" {
		return service
	}
	header, query := r.Header.Get("Authorization"), r.URL.Query()
	if strings.HasPrefix(header, "AWS ") || query.Has("AWSAccessKeyId") {
		return "s3"
	}
	_, credential, _ := strings.Cut(header, "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	if credential == "" {
		credential = query.Get("X-Amz-Credential")
	}
	const parts = 4 // KEY/DATE/SERVICE/aws4_request
	if scope := strings.Split(credential, "/"); len(scope) >= parts && scope[len(scope)-1] == "aws4_request" {
		return scope[len(scope)-2]
	}
	return ""
}

// requestForm is what a request shows of its protocol.
type requestForm int

const (
	formREST   requestForm = iota
	formTarget             // AWS JSON 1.0 and 1.1
	formCBOR               // Smithy RPC v2
	formQuery              // AWS Query and EC2 Query
)

// isRPC reports whether requests of the form name their service.
func (f requestForm) isRPC() bool { return f != formREST }

// formOf is the form of the request, and what may be a mark in it.
func (p *Plane) formOf(r *http.Request) (requestForm, []string) {
	segments := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if target, _, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return formTarget, []string{target}
	}
	const rpcSegments = 4 // service/NAME/operation/NAME
	if len(segments) == rpcSegments && segments[0] == "service" && segments[2] == "operation" {
		return formCBOR, []string{segments[1]}
	}
	if form := formValues(r, !p.mustVerify(r)); form.Has("Action") {
		return formQuery, []string{form.Get("Version")}
	}
	return formREST, segments[:1]
}

// formValues are the parameters of a request in the Query protocol.
func formValues(r *http.Request, inBody bool) url.Values {
	values := r.URL.Query()
	if !inBody {
		return values
	}
	body, err := peekForm(r)
	if err != nil {
		return values
	}
	sent, _ := url.ParseQuery(string(body)) // what can be read counts
	for name, value := range sent {
		values[name] = value
	}
	return values
}

// explain says what the server lacks, and where SDKs take another endpoint from.
func (f foreign) explain(p *Plane) (reason, fix string) {
	var ids, variables, options, own []string
	for _, s := range f.services {
		ids, variables, options = append(ids, s.id), append(variables, s.variable()), append(options, s.option()+"=URL")
	}
	for _, api := range p.APIs {
		own = append(own, apiNames[api.Service()])
	}
	return "furl does not have the service " + strings.Join(ids, " or ") + ", only " + strings.Join(own, ", "),
		"set " + strings.Join(variables, " or ") + " to the endpoint of a server that has it, for all functions with " +
			"furl dev or furl serve --endpoint " + strings.Join(options, " or ")
}

var apiNames = map[string]string{"lambda": "Lambda", "iam": "IAM", "sts": "STS"}

// serveForeign refuses a request to a service that furl does not have, in the service's own protocol and with a status
// with which no SDK tries again: they retry 500, 502, 503 and 504, and codes of throttling.
func (p *Plane) serveForeign(w http.ResponseWriter, call *Call, f foreign) {
	reason, fix := f.explain(p)
	call.Trace.Add("route", p.Now(), refusal{trace.Keep(reason, maxReason), trace.KeepAll(maxReason, fix)})
	e := foreignError{f.services[0], reason + ": " + fix + ".", call.RequestID}
	answer := e.answer(call.Request, f.form)
	call.Refused(answer.status, answer.code)
	call.denied = true
	call.PointOut(w)
	p.refusals.Add(metric.OfSignature(sigv4.InvalidScope)) // for what it was signed, if it was
	for name, value := range answer.headers {
		w.Header()[name] = []string{value}
	}
	w.WriteHeader(answer.status)
	if call.Request.Method != http.MethodHead {
		w.Write(answer.body) //nolint:errcheck // the client is gone
	}
	p.keep(call)
}

// foreignError is the refusal as a client reads it.
type foreignError struct {
	service   service
	message   string
	requestID string
}

// foreignAnswer is the refusal as it is sent.
type foreignAnswer struct {
	status  int
	code    string
	headers map[string]string
	body    []byte
}

// answer writes the refusal in the protocol of the request.
func (e foreignError) answer(r *http.Request, form requestForm) foreignAnswer {
	switch {
	case form == formTarget:
		return e.json(r)
	case form == formCBOR:
		return e.cbor()
	case form == formQuery && (e.service.protocol == "ec2" || e.service.id == "SimpleDB"):
		return e.ec2()
	case form == formQuery:
		return e.query(r)
	case e.service.signer == "s3" && e.service.id == "S3":
		return e.s3(r)
	case e.service.protocol == "rest-xml":
		return e.query(r)
	default:
		return e.rest()
	}
}

// The names of the refusal: operations that furl lacks have them too.
const (
	unsupportedException = "UnsupportedOperationException"
	unsupported          = "UnsupportedOperation"
)

func (e foreignError) json(r *http.Request) foreignAnswer {
	answer := e.rest()
	switch sent := r.Header.Get("Content-Type"); sent {
	case "application/x-amz-json-1.0", "application/x-amz-json-1.1":
		answer.headers["Content-Type"] = sent
	case "application/x-amz-cbor-1.1": // of the AWS SDK for Java 1 for Kinesis
		answer.headers["Content-Type"], answer.body = sent, e.cbor().body
	}
	if r.Header.Get("X-Amzn-Query-Mode") == "true" { // the services that had the Query protocol before
		answer.headers["x-amzn-query-error"] = unsupportedException + ";Sender"
	}
	return answer
}

func (e foreignError) rest() foreignAnswer {
	body, err := json.Marshal(map[string]string{"__type": unsupportedException, "message": e.message})
	if err != nil {
		panic(err) // strings always encode
	}
	return foreignAnswer{http.StatusBadRequest, unsupportedException, map[string]string{
		"Content-Type": "application/json", "x-amzn-ErrorType": unsupportedException,
	}, body}
}

func (e foreignError) cbor() foreignAnswer {
	const twoPairs = 0xa2
	body := []byte{twoPairs}
	for _, text := range []string{"__type", unsupportedException, "message", e.message} {
		const textOf16Bits = 0x79 // of a length in the two bytes that follow
		body = binary.BigEndian.AppendUint16(append(body, textOf16Bits), uint16(len(text)))
		body = append(body, text...)
	}
	return foreignAnswer{http.StatusBadRequest, unsupportedException, map[string]string{
		"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "x-amzn-ErrorType": unsupportedException,
	}, body}
}

// query is the refusal in the Query protocol, which REST-XML has but for S3.
func (e foreignError) query(r *http.Request) foreignAnswer {
	type fault struct{ Type, Code, Message string }
	namespace := "http://" + e.service.signer + ".amazonaws.com/"
	if version := formValues(r, true).Get("Version"); version != "" {
		namespace += "doc/" + version + "/"
	}
	return xmlAnswer(http.StatusBadRequest, unsupported, struct {
		XMLName   xml.Name
		Error     fault
		RequestId string
	}{xml.Name{Space: namespace, Local: "ErrorResponse"}, fault{"Sender", unsupported, e.message}, e.requestID})
}

func (e foreignError) ec2() foreignAnswer {
	type fault struct{ Code, Message string }
	return xmlAnswer(http.StatusBadRequest, unsupported, struct {
		XMLName   xml.Name `xml:"Response"`
		Error     fault    `xml:"Errors>Error"`
		RequestID string
	}{Error: fault{unsupported, e.message}, RequestID: e.requestID})
}

// s3 is the refusal of S3 for what it does not have. Of an answer to HEAD, SDKs have the status alone.
func (e foreignError) s3(r *http.Request) foreignAnswer {
	answer := xmlAnswer(http.StatusNotImplemented, "NotImplemented", struct {
		XMLName                            xml.Name `xml:"Error"`
		Code, Message, Resource, RequestId string
		HostId                             string
	}{Code: "NotImplemented", Message: e.message, Resource: r.URL.Path, RequestId: e.requestID, HostId: e.requestID})
	answer.headers["Content-Type"] = "application/xml"
	answer.headers["x-amz-request-id"], answer.headers["x-amz-id-2"] = e.requestID, e.requestID
	return answer
}

func xmlAnswer(status int, code string, document any) foreignAnswer {
	body, err := xml.Marshal(document)
	if err != nil {
		panic(err) // strings always encode
	}
	return foreignAnswer{status, code, map[string]string{"Content-Type": "text/xml"}, append([]byte(xml.Header), body...)}
}
