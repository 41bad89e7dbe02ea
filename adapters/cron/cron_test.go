package cron_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/adapters/cron"
	"github.com/overworldhq/overworld/ports/recurrence"
)

func read(t testing.TB, text, zone string) recurrence.Rule {
	t.Helper()
	rule, err := cron.Reader{}.Read(text, zone)
	if err != nil {
		t.Fatalf("%s in %s: %v", text, zone, err)
	}
	return rule
}

func utc(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Clocks in Berlin go from 02:00 to 03:00 on 29 March 2026 at 01:00 UTC and from 03:00 back to 02:00
// on 25 October at 01:00 UTC; in New York from 02:00 to 03:00 on 8 March at 07:00 UTC and from 02:00
// back to 01:00 on 1 November at 06:00 UTC; on Lord Howe Island by half an hour, from 02:00
// to 02:30 on 4 October at 15:30 UTC the day before and from 02:00 back to 01:30 on
// 5 April at 15:00 UTC the day before. Apia left out 30 December 2011 altogether.
func TestNext(t *testing.T) {
	for _, c := range []struct{ name, cron, zone, from, want string }{
		{"daily", "0 5 * * *", "UTC", "2026-01-01 05:00", "2026-01-02 05:00, 2026-01-03 05:00"},
		{"either day matches when both are restricted", "0 0 13 * 5", "UTC", "2026-02-01 00:00", "2026-02-06 00:00, 2026-02-13 00:00, 2026-02-20 00:00"},
		{"names, lists, ranges and steps", "0,30 8-12/2 * jan-feb Mon", "UTC", "2026-01-01 00:00", "2026-01-05 08:00, 2026-01-05 08:30, 2026-01-05 10:00"},
		{"the seventh day is Sunday", "0 3 * * 7", "UTC", "2026-01-01 00:00", "2026-01-04 03:00, 2026-01-11 03:00"},
		{"to the seventh day", "0 3 * * 2,sat-7", "UTC", "2026-01-01 00:00", "2026-01-03 03:00, 2026-01-04 03:00, 2026-01-06 03:00, 2026-01-10 03:00"},
		{"on the seventh of the month", "7 7 7-7 7 *", "UTC", "2026-01-01 00:00", "2026-07-07 07:07, 2027-07-07 07:07"},
		{"from the seventh day to it", "0 3 * * 7-7", "UTC", "2026-01-01 00:00", "2026-01-04 03:00, 2026-01-11 03:00"},
		{"leap days", "0 0 29 2 *", "UTC", "2026-01-01 00:00", "2028-02-29 00:00, 2032-02-29 00:00"},
		{"leap days, eight years apart", "0 0 29 2 *", "UTC", "2096-02-29 00:00", "2104-02-29 00:00"},
		{"far from any change", "0 5 * * *", "Asia/Tokyo", "2026-01-01 00:00", "2026-01-01 20:00, 2026-01-02 20:00"},

		{"Berlin, skipped", "30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", "2026-03-28 01:30, 2026-03-29 01:00, 2026-03-30 00:30"},
		{"Berlin, two that are skipped come once", "0,30 2 * * *", "Europe/Berlin", "2026-03-28 01:30", "2026-03-29 01:00, 2026-03-30 00:00"},
		{"Berlin, skipped and not are one", "*/30 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00, 2026-03-29 01:30, 2026-03-30 00:00"},
		{"Berlin, twice", "30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", "2026-10-25 00:30, 2026-10-26 01:30"},
		{"Berlin, from within the second time", "30 2 * * *", "Europe/Berlin", "2026-10-25 01:10", "2026-10-26 01:30"},
		{"Berlin, before the second time", "15 2 * * *", "Europe/Berlin", "2026-10-25 00:50", "2026-10-26 01:15"},
		{"Berlin, weekly over the change", "0 0 * * mon", "Europe/Berlin", "2026-03-20 00:00", "2026-03-22 23:00, 2026-03-29 22:00"},
		{"Berlin, every hour, forward", "0 * * * *", "Europe/Berlin", "2026-03-28 23:30", "2026-03-29 00:00, 2026-03-29 01:00, 2026-03-29 02:00"},
		{"Berlin, every hour, back", "0 * * * *", "Europe/Berlin", "2026-10-24 23:30", "2026-10-25 00:00, 2026-10-25 02:00"},

		{"New York, skipped", "30 2 * * *", "America/New_York", "2026-03-07 12:00", "2026-03-08 07:00, 2026-03-09 06:30"},
		{"New York, the end of the gap", "0 3 * * *", "America/New_York", "2026-03-07 12:00", "2026-03-08 07:00, 2026-03-09 07:00"},
		{"New York, twice", "30 1 * * *", "America/New_York", "2026-10-31 12:00", "2026-11-01 05:30, 2026-11-02 06:30"},
		{"New York, after it", "0 2 * * *", "America/New_York", "2026-11-01 05:30", "2026-11-01 07:00, 2026-11-02 07:00"},

		{"Lord Howe, skipped", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03 00:00", "2026-10-03 15:30, 2026-10-04 15:15"},
		{"Lord Howe, twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04 00:00", "2026-04-04 14:45, 2026-04-05 15:15"},
		{"Apia, a day that never was", "0 12 30 12 *", "Pacific/Apia", "2011-12-01 00:00", "2011-12-30 10:00, 2012-12-29 22:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule, at := read(t, c.cron, c.zone), utc(t, c.from)
			for want := range strings.SplitSeq(c.want, ", ") {
				next, ok := rule.Next(at)
				if !ok || !next.Equal(utc(t, want)) || next.Location() != time.UTC {
					t.Fatalf("after %s: %s, want %s", at, next, want)
				}
				at = next
			}
		})
	}
}

// What Next gives is what looking at every minute's clock on the wall gives: the first
// minute that shows a match, or that comes right after one that was skipped.
func TestNextAgainstEveryMinute(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Pacific/Apia"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		// shows gives the time on the wall, as UTC's clock would show it.
		shows := func(at time.Time) time.Time {
			_, offset := at.In(location).Zone()
			return at.Add(time.Duration(offset) * time.Second)
		}
		for _, text := range []string{"*/20 * * * *", "15,45 1-3 * * *", "0 0 * * *", "30 2 * * 0", "5 23,0 * * *"} {
			rule, calendar := read(t, text, zone), read(t, text, "UTC")
			begin, end := utc(t, "2026-01-01 00:00"), utc(t, "2027-01-01 00:00")
			matches := map[time.Time]bool{} // on a clock that is never changed
			for at, ok := calendar.Next(begin.AddDate(0, 0, -2)); ok && at.Before(end.AddDate(0, 0, 2)); at, ok = calendar.Next(at) {
				matches[at] = true
			}
			var want []time.Time
			last := shows(begin) // the latest minute that was shown
			for at := begin.Add(time.Minute); at.Before(end); at = at.Add(time.Minute) {
				now := shows(at)
				due := false
				// More than one minute where clocks are put forward, none where they are put back.
				for ; last.Before(now); last = last.Add(time.Minute) {
					due = due || matches[last.Add(time.Minute)]
				}
				if due {
					want = append(want, at)
				}
			}
			at := begin
			for i, one := range want {
				next, ok := rule.Next(at)
				if !ok || !next.Equal(one) {
					t.Fatalf("%s in %s, %d after %s: %s, want %s", text, zone, i, at, next, one)
				}
				at = next
			}
		}
	}
}

func TestShortest(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"* * * * *": time.Minute, "*/15 * * * *": 15 * time.Minute, "0 5 * * *": 24 * time.Hour, "0 0 1 * *": 28 * 24 * time.Hour,
		"0 0,23 * * *": time.Hour, "0 0,23 28,1 2,3 *": time.Hour, "55 23 31 12 *": 365 * 24 * time.Hour, "0 0 29 2 *": 4*365*24*time.Hour + 24*time.Hour,
	} {
		if got := read(t, text, "America/New_York").Shortest(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "0 5 * *", "0 5 * * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 32 * *", "0 0 * 13 *", "0 0 * * 8", "0 0 * * 7-8", "0 0 * * 7-1", "0 0 * 7-7 -7", "0 0 30 2 *", "0 0 31 4,6 *", "@daily", "@every 1h", "TZ=UTC 0 5 * * *",
		"CRON_TZ=UTC 0 5 * * *", "TZ=0", "0 5 * * x", "5-1 * * * *", "*/0 * * * *", ", * * * *", "0\t5 * * *", "0 5 * * *\n", strings.Repeat("0,", 60) + "0 5 * * *", "-1 * * * *", "1.5 * * * *", "0 5 * * *\x00",
	} {
		if _, err := (cron.Reader{}).Read(text, "UTC"); !errors.Is(err, recurrence.ErrCron) || errors.Is(err, recurrence.ErrZone) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, zone := range []string{"", "Local", "Europe/Nowhere", "posix/Europe/Berlin", "right/Europe/Berlin", "../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin", "UTC+1 ", "Europe//Berlin", "UTC\x00", "zone.tab"} {
		if _, err := (cron.Reader{}).Read("0 5 * * *", zone); !errors.Is(err, recurrence.ErrZone) || errors.Is(err, recurrence.ErrCron) {
			t.Errorf("%q: %v", zone, err)
		}
	}
	if _, err := (cron.Reader{}).Read("x", "x"); !errors.Is(err, recurrence.ErrZone) || !errors.Is(err, recurrence.ErrCron) {
		t.Errorf("both: %v", err)
	}
}

// FuzzRead: whatever is read either is refused or goes forward in time.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"0 5 * * 1", "*/7 1-5 1,15 jan-mar sun", "? ? ? ? ?", "TZ=0", ", , , , ,", "0/99999999999999999999 * * * *", "59-59/1 * 29 2 *"} {
		f.Add(text, "Europe/Berlin", int64(1_770_000_000))
	}
	f.Add("30 2 * * *", "America/New_York", int64(1_772_900_000))
	f.Fuzz(func(t *testing.T, text, zone string, from int64) {
		rule, err := cron.Reader{}.Read(text, zone)
		if err != nil {
			if !errors.Is(err, recurrence.ErrCron) && !errors.Is(err, recurrence.ErrZone) {
				t.Fatal(err)
			}
			return
		}
		if rule.Shortest() < time.Minute {
			t.Fatalf("%q: %s apart", text, rule.Shortest())
		}
		at := time.Unix(from%4_000_000_000, 0)
		for range 5 {
			next, ok := rule.Next(at)
			if !ok {
				return
			}
			if !next.After(at) || next.Second() != 0 {
				t.Fatalf("%q in %q: %s after %s", text, zone, next, at)
			}
			at = next
		}
	})
}
