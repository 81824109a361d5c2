package lambdaapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
)

// decode reads a request's JSON body; an empty one has no members. Unknown members are ignored, as AWS does, and null
// is the same as absent. Names are matched without regard to case, which is encoding/json's way and not AWS's.
func decode(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	err := json.Unmarshal(body, into)
	var (
		wrongType *json.UnmarshalTypeError
		notBase64 base64.CorruptInputError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrongType):
		return serialization("%s", wrongTypeText(wrongType, body))
	case errors.As(err, &notBase64):
		return serialization("A blob is not valid base64: %v", notBase64)
	default:
		return serialization("The request body is not valid JSON: %v", err)
	}
}

// wrongTypeText is what AWS's deserializer says of a value that is not of its member's type. Texts as users of AWS's
// services quote them (aarondfrancis/sidecar#148 for Lambda); they name neither the member nor the value.
func wrongTypeText(err *json.UnmarshalTypeError, body []byte) string {
	token := ""
	switch {
	case err.Value == "object":
		return "Start of structure or map found where not expected."
	case err.Value == "array":
		return "Start of list found where not expected"
	case err.Value == "string":
		token = "STRING_VALUE"
	case err.Value == "bool" && bytes.HasSuffix(body[:min(max(0, int(err.Offset)), len(body))], []byte("true")):
		token = "TRUE_VALUE"
	case err.Value == "bool":
		token = "FALSE_VALUE"
	default: // "number", or "number 3.5" for one that does not fit
		token = "NUMBER_VALUE"
	}
	switch kind := err.Type.Kind(); {
	case kind == reflect.String:
		return token + " can not be converted to a String"
	case kind == reflect.Bool:
		return token + " can not be converted to a Boolean"
	case kind == reflect.Int:
		return token + " can not be converted to an Integer"
	case kind == reflect.Slice && err.Type.Elem().Kind() == reflect.Uint8:
		return token + " can not be converted to a ByteBuffer"
	case kind == reflect.Slice:
		return "Expected list or null"
	default:
		return "Expected structure or null"
	}
}
