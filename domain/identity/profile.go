package identity

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

const (
	// MaxDisplayName bounds a display name, in Unicode code points.
	MaxDisplayName = 40
	// MinHandle and MaxHandle bound a handle, in characters.
	MinHandle = 3
	MaxHandle = 20
	// MaxMetadata bounds a player's public metadata, in bytes of compact JSON.
	MaxMetadata = 2 << 10
)

// ProfileEdit is a change of what players tell of themselves; nil members stay
// as they are. An empty handle or metadata takes away what was there.
type ProfileEdit struct {
	DisplayName *string // in Unicode normalization form C
	Handle      *string // in either case
	Metadata    *string // a JSON object
}

// Edited gives the player with a changed profile, in the version after this one.
func (p Player) Edited(edit ProfileEdit) (Player, error) {
	var check fault.Check
	if edit.DisplayName != nil {
		p.DisplayName = *edit.DisplayName
		if code, why := displayNameFault(p.DisplayName); code != "" {
			check.Add("/display_name", code, "%s", why)
		}
	}
	if edit.Handle != nil {
		p.Handle = strings.ToLower(*edit.Handle)
		if p.Handle != "" && !ValidHandle(*edit.Handle) {
			check.Add("/handle", "malformed", "From %d to %d letters a to z, digits and _.", MinHandle, MaxHandle)
		}
	}
	if edit.Metadata != nil {
		compact, code, why := compactObject(*edit.Metadata)
		p.Metadata = compact
		if code != "" {
			check.Add("/metadata", code, "%s", why)
		}
	}
	p.Version++
	return p, check.Err()
}

// ValidHandle tells whether a player can have the handle, in either case.
func ValidHandle(handle string) bool {
	return len(handle) >= MinHandle && len(handle) <= MaxHandle && !strings.ContainsFunc(handle, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

// NameKey is what a display name is searched by: case doesn't count.
func NameKey(displayName string) string { return strings.ToLower(displayName) }

// displayNameFault tells what is wrong with a name. What can't be seen, turns
// the text around it, or passes for another space serves to look like somebody else.
func displayNameFault(name string) (code, why string) {
	if n := utf8.RuneCountInString(name); n < 1 || n > MaxDisplayName {
		return "out_of_range", "From 1 to 40 characters."
	}
	if strings.HasPrefix(name, " ") || strings.HasSuffix(name, " ") || strings.Contains(name, "  ") {
		return "malformed", "No space at the beginning or end, and no two in a row."
	}
	visible := false
	marks := 0
	for _, r := range name {
		switch {
		case r == utf8.RuneError, r != ' ' && !unicode.IsGraphic(r), r != ' ' && unicode.IsSpace(r), unicode.Is(unicode.Zs, r) && r != ' ', blank(r):
			return "malformed", "Only characters that can be seen, and plain spaces between them."
		}
		if unicode.IsMark(r) {
			if marks++; marks > maxMarks {
				return "malformed", "Too many accents on one character."
			}
			continue
		}
		marks = 0
		visible = visible || r != ' '
	}
	if !visible {
		return "malformed", "At least one character that can be seen."
	}
	return "", ""
}

// maxMarks bounds the combining marks in a row, which some scripts need and
// others climb over their neighbours with.
const maxMarks = 4

// blank are letters and symbols that show nothing: fillers, and the empty pattern of Braille.
func blank(r rune) bool {
	switch r {
	case '\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u2800', '\u3164', '\uFFA0', '\uFFFC':
		return true
	}
	return false
}

func compactObject(text string) (compact, code, why string) {
	if text == "" {
		return "", "", ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil || b.Len() == 0 || b.Bytes()[0] != '{' {
		return "", "wrong_type", "A JSON object."
	}
	if b.Len() > MaxMetadata {
		return "", "too_long", "At most 2048 bytes of compact JSON."
	}
	return b.String(), "", ""
}
