package registry

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/overworldhq/overworld/domain/fault"
)

// ServerID names a server within its environment: 1 to 64 lower-case letters, digits,
// dots, hyphens and underscores, beginning and ending with a letter or a digit.
type ServerID string

// Announcement is what a server says of itself.
type Announcement struct {
	Name    string // the id if empty
	Region  string
	Address Address
	Version string
	Map     string
	Mode    string
	Tags    []string // sorted, each once
	// MaxPlayers is how many seats there are.
	MaxPlayers int
	// Metadata is a JSON object in compact form, or empty.
	Metadata string
}

// Address is where players reach a server.
type Address struct {
	Host string // an IP address or a DNS name
	// Ports by what they are for: "game", "query".
	Ports map[string]int
}

// Limits bound what servers may say.
type Limits struct {
	MetadataBytes int // of an announcement's metadata, as compact JSON
	Tags          int
	Seats         int // of one server
}

const (
	maxID    = 64
	maxName  = 80
	maxWord  = 64
	maxPorts = 16
)

var (
	serverID  = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)
	tag       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:+-]*$`)
	portName  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	hostLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// ValidServerID tells whether a server may have the id.
func ValidServerID(id string) bool { return len(id) <= maxID && serverID.MatchString(id) }

// ValidTag tells whether a server may have the tag.
func ValidTag(t string) bool { return len(t) <= maxWord && tag.MatchString(t) }

// ValidWord tells whether a region, version, map or mode may be called so.
func ValidWord(word string) bool { return plain(word, maxWord) }

// Checked gives the announcement of a server in its normal form, with every fault of it at once.
func (a Announcement) Checked(id ServerID, limits Limits) (Announcement, error) {
	var check fault.Check
	if !ValidServerID(string(id)) {
		check.Add("/server_id", "malformed", "1 to %d lower-case letters, digits, dots, hyphens and underscores, beginning and ending with a letter or a digit.", maxID)
	}
	a.Name = strings.TrimSpace(a.Name)
	if a.Name == "" {
		a.Name = string(id)
	}
	if !plain(a.Name, maxName) {
		check.Add("/name", "malformed", "1 to %d characters, none of them control characters.", maxName)
	}
	for _, word := range []struct {
		pointer string
		value   *string
	}{{"/region", &a.Region}, {"/version", &a.Version}, {"/map", &a.Map}, {"/mode", &a.Mode}} {
		*word.value = checkedWord(&check, word.pointer, *word.value)
	}
	a.Address = a.Address.checked(&check)
	a.Tags = checkedTags(&check, "/tags", a.Tags, limits.Tags)
	if a.MaxPlayers < 1 || a.MaxPlayers > limits.Seats {
		check.Add("/max_players", "out_of_range", "From 1 to %d.", limits.Seats)
	}
	switch {
	case a.Metadata != "" && a.Metadata[0] != '{':
		check.Add("/metadata", "not_an_object", "A JSON object.")
	case len(a.Metadata) > limits.MetadataBytes:
		check.Add("/metadata", "too_large", "At most %d bytes; these are %d.", limits.MetadataBytes, len(a.Metadata))
	}
	return a, check.Err()
}

// checked notes the faults of an address, and writes its host in one way.
func (a Address) checked(c *fault.Check) Address {
	host, ok := normalHost(a.Host)
	if !ok {
		c.Add("/address/host", "malformed", "An IP address that one host can have, or a DNS name.")
	}
	if len(a.Ports) < 1 || len(a.Ports) > maxPorts {
		c.Add("/address/ports", "out_of_range", "From 1 to %d ports.", maxPorts)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Ports)) {
		pointer := "/address/ports/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if !portName.MatchString(name) {
			c.Add(pointer, "malformed", "A port's name is 1 to 32 lower-case letters, digits, hyphens and underscores, beginning with a letter.")
		}
		if port := a.Ports[name]; port < 1 || port > 65535 {
			c.Add(pointer, "out_of_range", "From 1 to 65535.")
		}
	}
	return Address{Host: host, Ports: maps.Clone(a.Ports)}
}

// normalHost reads an IP address, or a name as RFC 1123 has it. A name that ends
// in digits alone would be an address that is none.
func normalHost(host string) (string, bool) {
	if address, err := netip.ParseAddr(host); err == nil {
		address = address.Unmap()
		return address.String(), address.Zone() == "" && !address.IsUnspecified() && !address.IsMulticast() && address.String() != "255.255.255.255"
	}
	name := strings.ToLower(host)
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return host, false
		}
	}
	digits := strings.Trim(labels[len(labels)-1], "0123456789") == ""
	return name, len(name) <= 253 && !digits
}

func checkedWord(c *fault.Check, pointer, word string) string {
	word = strings.TrimSpace(word)
	if word != "" && !plain(word, maxWord) {
		c.Add(pointer, "malformed", "At most %d characters, none of them control characters.", maxWord)
	}
	return word
}

func checkedTags(c *fault.Check, pointer string, tags []string, most int) []string {
	for i, t := range tags {
		if !ValidTag(t) {
			c.Add(fmt.Sprintf("%s/%d", pointer, i), "malformed", "1 to %d letters, digits, and . _ : + - after the first.", maxWord)
		}
	}
	tags = slices.Compact(slices.Sorted(slices.Values(tags)))
	if len(tags) > most {
		c.Add(pointer, "too_many", "At most %d tags.", most)
	}
	return tags
}

// plain tells whether a text has characters, not too many, and none that control.
func plain(text string, most int) bool {
	return text != "" && utf8.RuneCountInString(text) <= most &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
}
