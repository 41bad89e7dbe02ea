package identity_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

func TestAddress(t *testing.T) {
	label := strings.Repeat("a", 63)
	for address, good := range map[string]bool{
		"ada@example.com":                         true,
		"A.d-a+tag_!#$%&'*/=?^`{|}~@x.y-z.museum": true,
		"0@1.2.a":                                true,
		"ada@xn--bcher-kva.example":              true,
		strings.Repeat("a", 64) + "@example.com": true,
		strings.Repeat("a", 65) + "@example.com": false,
		"a@" + label + "." + label + "." + label + "." + strings.Repeat("a", 254-2-3*64):   true,
		"a@" + label + "." + label + "." + label + "." + strings.Repeat("a", 254-2-3*64+1): false,
		"a@" + label + "a.com":            false,
		"":                                false,
		"@":                               false,
		"ada":                             false,
		"ada@":                            false,
		"@example.com":                    false,
		"ada@example":                     false,
		"ada@example.":                    false,
		"ada@.com":                        false,
		"ada@example..com":                false,
		"ada@-example.com":                false,
		"ada@example-.com":                false,
		"ada@exam_ple.com":                false,
		"ada@127.0.0.1":                   false,
		"ada@[127.0.0.1]":                 false,
		".ada@example.com":                false,
		"ada.@example.com":                false,
		"a..da@example.com":               false,
		"a@da@example.com":                false,
		"\"ada\"@example.com":             false,
		"ada @example.com":                false,
		"ada@example.com ":                false,
		"<ada@example.com>":               false,
		"Ada <ada@example.com>":           false,
		"ada@example.com,b@b.com":         false,
		"ada@example.com\r\nBcc: b@b.com": false,
		"ada@example.com\x00":             false,
		"ädä@example.com":                 false,
		"ada@exämple.com":                 false,
		"ada@example.com\xff":             false,
		"(comment)ada@example.com":        false,
	} {
		got, err := identity.NewAddress("/email", address)
		if (err == nil) != good || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", address, err)
		}
		if err == nil && string(got) != address {
			t.Errorf("%q became %q", address, got)
		}
	}
}

func TestAddressesCompareByCase(t *testing.T) {
	subject := identity.EmailSubject
	if subject("e1", "Ada@Example.COM") != subject("e1", "ada@example.com") {
		t.Error("case counts")
	}
	if subject("e1", "ada@example.com") == subject("e2", "ada@example.com") {
		t.Error("two environments' subjects are alike")
	}
	if subject("e1", "a.da@example.com") == subject("e1", "ada@example.com") || subject("e1", "ada+x@example.com") == subject("e1", "ada@example.com") {
		t.Error("dots or tags don't count")
	}
}

// A good address is one recipient: it has nothing in it that mail has a meaning for.
func TestAddressesAreOneRecipient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9.!#'*+/=?^_{|}~@<>"(),:;\\ \r\n-]{1,20}@[a-z0-9.@\[\] -]{1,20}`)).Draw(t, "text")
		address, err := identity.NewAddress("/email", text)
		if err != nil {
			return
		}
		if strings.ContainsAny(text, "<>\"(),:;\\ \r\n[]\x00") || strings.Count(text, "@") != 1 || len(text) > identity.MaxAddress {
			t.Fatalf("%q is good", text)
		}
		again, err := identity.NewAddress("/email", address.Canonical())
		if err != nil || again.Canonical() != address.Canonical() {
			t.Fatalf("%q: its canonical form is %q, %v", text, again, err)
		}
		if masked := address.Masked(); len(text[:strings.IndexByte(text, '@')]) > 1 && strings.Contains(masked, text[:strings.IndexByte(text, '@')]) {
			t.Fatalf("%q is shown as %q", text, masked)
		}
	})
}

func TestPassword(t *testing.T) {
	for _, c := range []struct {
		password string
		code     string // empty: good
	}{
		{"correct horse", ""},
		{"tEn more!", ""},
		{"пароль-пароль", ""},
		{"日本語のパスワード", ""},
		{strings.Repeat("ab1", 42) + "xy", ""}, // 128
		{strings.Repeat("ab1", 43), "out_of_range"},
		{strings.Repeat("é", 127) + "xyz", "out_of_range"},
		{strings.Repeat("é", 120) + "x1yzwvut", ""},
		{"short-1", "out_of_range"},
		{"äöüß!?$", "out_of_range"},
		{"", "out_of_range"},
		{"password", "too_weak"},
		{"PassWord", "too_weak"},
		{"iloveyou", "too_weak"},
		{"1q2w3e4r5t", "too_weak"},
		{"zzzzzzzzzz", "too_weak"},
		{"xyxyxyxyxyxy", "too_weak"},
		{"ada.lovelace@example.com", "too_weak"},
		{"ADA.lovelace", "too_weak"},
		{"ada.lovelace1", ""},
	} {
		err := identity.CheckPassword("/password", c.password, "Ada.Lovelace@example.com")
		var f *fault.Fault
		switch {
		case err == nil && c.code != "", err != nil && c.code == "":
			t.Errorf("%q: %v", c.password, err)
		case err != nil:
			f = err.(*fault.Fault) //nolint:errorlint // it is returned as it is made
			if len(f.Fields) != 1 || f.Fields[0].Code != c.code || f.Fields[0].Pointer != "/password" {
				t.Errorf("%q: %+v", c.password, f.Fields)
			}
			if c.password != "" && c.password != "password" && strings.Contains(err.Error()+f.Fields[0].Detail, c.password) {
				t.Errorf("the fault tells %q", c.password)
			}
		}
	}
}
