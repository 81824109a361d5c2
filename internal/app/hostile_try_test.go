package app_test

import ("testing")

func TestHostileTry(t *testing.T) {
	w := newWorld(t)
	e := w.ran(t, w.send(t, w.call(w.iamURL, "GET", "/x?a=b", "").signed(w.signing(w.alice, "lambda"))))
	t.Logf("%+v", e)
	e = w.ran(t, w.send(t, w.call(w.openURL, "GET", "/x?a=b", "")))
	t.Logf("%+v", e)
	k := w.assume(t, w.alice, callerRole(accountA), "s")
	e = w.ran(t, w.send(t, w.call(w.iamURL, "GET", "/x?a=b", "").presigned(w.signing(k, "lambda"))))
	t.Log(w.send(t, w.call(w.iamURL, "GET", "/x?a=b", "").presigned(w.signing(w.mallory, "lambda"))))
}
