package configuration

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
)

// The documented formula, computed by programs that are not ours: awk writes what is
// hashed to a file for each player, sha256sum gives the digests, and awk takes the
// first eight bytes modulo 10,000, digit by digit.
const script = `
awk '{ name = sprintf("%06d", NR); printf "%s:%s", ENVIRON["SALT"], $1 > name; close(name) }'
ls | xargs sha256sum | awk '
	BEGIN { for (i = 0; i < 16; i++) digit[substr("0123456789abcdef", i + 1, 1)] = i }
	{ n = 0; for (i = 1; i <= 16; i++) n = (n * 16 + digit[substr($1, i, 1)]) % 10000; print n }'`

func TestBucketsAreWhatTheFormulaSays(t *testing.T) {
	t.Parallel()
	const players, salt = 10_000, "gameplay"
	var input strings.Builder
	ids := make([]identity.PlayerID, players)
	for i := range ids {
		ids[i] = identity.PlayerID(fmt.Sprintf("018f4c1e-7b6a-7c3d-9e2f-%012x", i*7919))
		fmt.Fprintln(&input, ids[i])
	}
	command := exec.CommandContext(t.Context(), "sh", "-c", script)
	command.Dir = t.TempDir()
	command.Env = []string{"SALT=" + salt, "PATH=/usr/local/bin:/usr/bin:/bin"}
	command.Stdin = strings.NewReader(input.String())
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(output))
	if len(lines) != players {
		t.Fatalf("%d buckets", len(lines))
	}
	ten, twenty := 0, 0
	for i, line := range lines {
		want, err := strconv.Atoi(line)
		if got := Bucket(salt, ids[i]); err != nil || got != want {
			t.Fatalf("%s: bucket %d, the script says %s", ids[i], got, line)
		}
		first := Rule{BasisPoints: 1000, Salt: salt}.Matches(Facts{Player: ids[i]}, time.Time{})
		then := Rule{BasisPoints: 2000, Salt: salt}.Matches(Facts{Player: ids[i]}, time.Time{})
		if first != (want < 1000) || then != (want < 2000) || first && !then {
			t.Fatalf("%s of bucket %d: %t, %t", ids[i], want, first, then)
		}
		if first {
			ten++
		}
		if then {
			twenty++
		}
	}
	// Six standard deviations around what is expected.
	if ten < 820 || ten > 1180 || twenty < 1760 || twenty > 2240 {
		t.Errorf("%d and %d of %d", ten, twenty, players)
	}
}

func TestRulesMatch(t *testing.T) {
	t.Parallel()
	version := func(s string) Version {
		v, ok := ParseVersion(s)
		if !ok {
			t.Fatalf("%q", s)
		}
		return v
	}
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	ada := Facts{Caller: Player, Player: "ada", Platform: "ios", Region: "eu", Version: version("1.12.0-beta"), Tags: []string{"qa", "vip"}}
	for name, c := range map[string]struct {
		rule  Rule
		facts Facts
		want  bool
	}{
		"everyone":          {Rule{}, Facts{}, true},
		"all of it":         {Rule{Platforms: []string{"android", "ios"}, Regions: []string{"eu"}, Tags: []string{"vip"}, Callers: []Caller{Player}, MinVersion: version("1.9"), BelowVersion: version("1.12.1"), From: now, Until: now.Add(1)}, ada, true},
		"another platform":  {Rule{Platforms: []string{"android"}}, ada, false},
		"no platform":       {Rule{Platforms: []string{"ios"}}, Facts{}, false},
		"another region":    {Rule{Regions: []string{"us"}}, ada, false},
		"another tag":       {Rule{Tags: []string{"dev"}}, ada, false},
		"no tags":           {Rule{Tags: []string{"qa"}}, Facts{}, false},
		"another caller":    {Rule{Callers: []Caller{Server, Client}}, ada, false},
		"an older game":     {Rule{MinVersion: version("1.12.1")}, ada, false},
		"the least version": {Rule{MinVersion: version("1.12")}, ada, true},
		"a version too new": {Rule{BelowVersion: version("1.12.0.0")}, ada, false},
		"no version":        {Rule{MinVersion: version("0")}, Facts{}, false},
		"before it begins":  {Rule{From: now.Add(1)}, ada, false},
		"at its end":        {Rule{Until: now}, ada, false},
		"all players":       {Rule{BasisPoints: 10_000, Salt: "x"}, ada, true},
		"no player":         {Rule{BasisPoints: 10_000, Salt: "x"}, Facts{Caller: Server}, false},
	} {
		if got := c.rule.Matches(c.facts, now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	r := Release{Rules: []Rule{{From: now.Add(2 * time.Hour)}, {Until: now.Add(time.Hour)}, {From: now}}}
	if got := r.NextChange(now); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("next change %s", got)
	}
	if got := r.NextChange(now.Add(2 * time.Hour)); !got.IsZero() {
		t.Errorf("next change %s", got)
	}
	for _, bad := range []string{"", "1.", ".1", "1.2.3.4.5.6.7", "a", "-1", "1.+2", "2147483648", "1,2"} {
		if v, ok := ParseVersion(bad); ok {
			t.Errorf("%q is %v", bad, v)
		}
	}
}
