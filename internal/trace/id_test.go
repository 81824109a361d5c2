package trace_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/trace"
)

func TestIDsLookLikeThoseOfAWS(t *testing.T) {
	id, xray := trace.NewRequestID(), trace.NewXRayID(time.Unix(0x6743f2a1, 0))
	for text, form := range map[string]string{
		id:                                `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		xray:                              `^1-6743f2a1-[0-9a-f]{24}$`,
		trace.XRayHeader(xray, id, "arn"): `^Root=1-6743f2a1-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$`,
	} {
		if !regexp.MustCompile(form).MatchString(text) {
			t.Errorf("%q does not match %s", text, form)
		}
	}
	if id == trace.NewRequestID() || xray == trace.NewXRayID(time.Unix(0x6743f2a1, 0)) {
		t.Error("the same id twice")
	}
}
