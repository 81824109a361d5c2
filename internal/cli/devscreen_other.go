//go:build !unix

package cli

func inForeground(int) bool { return true }

func suspendSelf() {}

func onContinue(func()) (end func()) { return func() {} }

func endOnHangUp(func()) (end func()) { return func() {} }
