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
		id:   `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		xray: `^1-6743f2a1-[0-9a-f]{24}$`,
		trace.XRay{Own: xray, RequestID: id, FunctionARN: "arn"}.Header(): `^Root=1-6743f2a1-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$`,
	} {
		if !regexp.MustCompile(form).MatchString(text) {
			t.Errorf("%q does not match %s", text, form)
		}
	}
	if id == trace.NewRequestID() || xray == trace.NewXRayID(time.Unix(0x6743f2a1, 0)) {
		t.Error("the same id twice")
	}
}

// The root, the decision to sample and the lineage are the caller's if it names them (AWS X-Ray Developer Guide,
// "Tracing header"; recorded: the root is kept in both modes, the parent is Lambda's own).
func TestTracesGoOn(t *testing.T) {
	const (
		id    = "01234567-89ab-4cde-8f01-23456789abcd"
		own   = "1-6743f2a1-0123456789abcdef01234567"
		other = "1-5759e988-bd862e3fe1be46a994272793"
		rest  = ";Parent=0123456789ab4cde;Sampled="
		hop   = "1:356f22fc:0"
	)
	for _, row := range []struct {
		received string
		active   bool
		want     string
	}{
		{"", false, "Root=" + own + rest + "0;Lineage=" + hop},
		{"", true, "Root=" + own + rest + "1;Lineage=" + hop},
		{"Root=" + other, false, "Root=" + other + rest + "0;Lineage=" + hop},
		{"Root=" + other, true, "Root=" + other + rest + "1;Lineage=" + hop},
		{"Root=" + other + ";Sampled=?", true, "Root=" + other + rest + "1;Lineage=" + hop},
		{"Root=" + other + ";Parent=53995c3f42cd8ad8;Sampled=1", false, "Root=" + other + rest + "1;Lineage=" + hop},
		{"Sampled=0; Parent=53995c3f42cd8ad8; Root=" + other, true, "Root=" + other + rest + "0;Lineage=" + hop},
		{"Self=1-67891234-12456789abcdef012345678;Root=" + other, false, "Root=" + other + rest + "0;Lineage=" + hop},
		{"Root=" + other + ";Lineage=a87bd80c:1|68fd508a:5", false,
			"Root=" + other + rest + "0;Lineage=a87bd80c:1|68fd508a:5|" + hop},
		{"Root=1-xyz;Sampled=1", false, "Root=" + own + rest + "1;Lineage=" + hop},
		{"nonsense", false, "Root=" + own + rest + "0;Lineage=" + hop},
	} {
		got := trace.XRay{Own: own, Received: row.received, Active: row.active, RequestID: id, FunctionARN: "arn"}.Header()
		if got != row.want {
			t.Errorf("%q, active %t: %s, want %s", row.received, row.active, got, row.want)
		}
	}
}
