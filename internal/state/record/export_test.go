package record

import "reflect"

// ReadOnly is Read without what it leaves to Decode.
func ReadOnly[D Value, R Record](r *Reader, body []byte) (value D, ok bool) {
	var record R
	_, newest := record.Kind()
	made, ok := r.read(reflect.TypeFor[D](), reflect.TypeFor[R](), body, newest)
	if ok {
		value = made.Interface().(D)
	}
	return value, ok
}
