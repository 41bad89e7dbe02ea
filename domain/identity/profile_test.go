package identity_test

import (
	"strings"
	"testing"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
)

func TestDisplayNames(t *testing.T) {
	for name, good := range map[string]bool{
		"A": true, "Zoé": true, "Łukasz Żak": true, "日本語 の 名": true, "名無し😀": true, "कृष्ण": true, "x̄": true, "~(o_o)~": true,
		strings.Repeat("é", 40): true, strings.Repeat("é", 41): false, "": false, " ": false, " a": false, "a ": false, "a  b": false,
		"a\u00a0b": false, "a\u3000b": false, "a\u2003b": false, "a\tb": false, "a\nb": false, "a\x00b": false, "a\x7fb": false, "a\u0085b": false,
		"a\u202eb": false, "a\u200fb": false, "a\u2066b": false, "a\u200bb": false, "a\u200db": false, "\ufeffa": false, "a\u00adb": false, "a\u2028b": false,
		"\u3164": false, "a\u3164": false, "\u2800": false, "\u115f": false, "\uffa0": false, "\ufe0f": false, "\u0301": false, "\U000e0061": false,
		"\ue000": false, "\uffff": false, "\ufffd": false, "a\xff": false, "a" + strings.Repeat("\u0301", 4): true, "a" + strings.Repeat("\u0301", 5): false,
	} {
		_, err := identity.Player{}.Edited(identity.ProfileEdit{DisplayName: &name})
		if (err == nil) != good || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestHandles(t *testing.T) {
	for handle, want := range map[string]string{"abc": "abc", "A_9": "a_9", strings.Repeat("z", 20): strings.Repeat("z", 20), "": ""} {
		p, err := identity.Player{Handle: "before", Version: 4}.Edited(identity.ProfileEdit{Handle: &handle})
		if err != nil || p.Handle != want || p.Version != 5 {
			t.Errorf("%q: %+v, %v", handle, p, err)
		}
	}
	// A Kelvin sign and a dotless i become ASCII when their case is changed.
	for _, handle := range []string{"ab", strings.Repeat("z", 21), "a b", "a-b", "аbc", "abc\n", "\u212aelvin", "dıg", "a\x00b"} {
		if _, err := (identity.Player{}).Edited(identity.ProfileEdit{Handle: &handle}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", handle, err)
		}
	}
}
