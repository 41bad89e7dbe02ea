package ranking

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/fault"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func open(t testing.TB, d Definition) (Board, Season) {
	t.Helper()
	board, season, err := NewBoard("laps", d, start, start)
	if err != nil {
		t.Fatal(err)
	}
	return board, season
}

// submitAll submits one run after another, a second apart, and gives the last receipt.
func submitAll(t testing.TB, board Board, season Season, runs ...Submission) (Entry, Receipt) {
	t.Helper()
	var entry *Entry
	var receipt Receipt
	for i, run := range runs {
		run.Player = "p"
		next, r, err := season.Submit(board, entry, run, start.Add(time.Duration(i)*time.Second))
		if err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
		entry, receipt = &next, r
	}
	return *entry, receipt
}

func TestARunCountsAsAWhole(t *testing.T) {
	board, season := open(t, Definition{MetadataBytes: 100})
	entry, receipt := submitAll(t, board, season,
		Submission{Run: Run{100, 5}, Metadata: `{"car":"red"}`},
		Submission{Run: Run{90, 50}, Metadata: `{"car":"blue"}`})
	if entry.Run != (Run{100, 5}) || entry.Metadata != `{"car":"red"}` || !entry.AchievedAt.Equal(start) || entry.Revision != 1 {
		t.Errorf("kept %+v", entry)
	}
	if receipt.Accepted || receipt.Reason != NotBetter || *receipt.Previous != (Run{100, 5}) || *receipt.Current != (Run{100, 5}) {
		t.Errorf("receipt %+v", receipt)
	}
}

func TestOperators(t *testing.T) {
	for name, c := range map[string]struct {
		rules Rules
		runs  []Run
		want  Run
		taken bool // the last one
	}{
		"best, greater":       {Rules{Operator: Best}, []Run{{1, 9}, {2, 0}}, Run{2, 0}, true},
		"best, subscore":      {Rules{Operator: Best}, []Run{{1, 9}, {1, 10}}, Run{1, 10}, true},
		"best, equal":         {Rules{Operator: Best}, []Run{{1, 9}, {1, 9}}, Run{1, 9}, false},
		"best, ascending":     {Rules{Operator: Best, Sort: Ascending}, []Run{{5, 0}, {-7, 3}, {-7, 4}}, Run{-7, 3}, false},
		"best, the extremes":  {Rules{Operator: Best}, []Run{{math.MinInt64, math.MinInt64}, {math.MaxInt64, math.MinInt64}}, Run{math.MaxInt64, math.MinInt64}, true},
		"latest":              {Rules{Operator: Latest}, []Run{{9, 9}, {1, 1}}, Run{1, 1}, true},
		"latest, equal":       {Rules{Operator: Latest}, []Run{{9, 9}, {9, 9}}, Run{9, 9}, true},
		"sum":                 {Rules{Operator: Sum}, []Run{{9, 1}, {-10, 2}, {4, 0}}, Run{3, 3}, true},
		"sum, up to the edge": {Rules{Operator: Sum}, []Run{{math.MaxInt64 - 1, math.MinInt64 + 1}, {1, -1}}, Run{math.MaxInt64, math.MinInt64}, true},
	} {
		t.Run(name, func(t *testing.T) {
			board, season := open(t, Definition{Rules: c.rules})
			runs := make([]Submission, len(c.runs))
			for i, run := range c.runs {
				runs[i].Run = run
			}
			entry, receipt := submitAll(t, board, season, runs...)
			if entry.Run != c.want || *receipt.Current != c.want || receipt.Accepted != c.taken {
				t.Errorf("%v, receipt %+v; want %v", entry.Run, receipt, c.want)
			}
		})
	}
}

func TestASumNeverWraps(t *testing.T) {
	board, season := open(t, Definition{Rules: Rules{Operator: Sum}})
	rapid.Check(t, func(t *rapid.T) {
		a, b := Run{number(t, "a"), number(t, "a2")}, Run{number(t, "b"), number(t, "b2")}
		before := Entry{Player: "p", Run: a, AchievedAt: start, Revision: 1}
		after, _, err := season.Submit(board, &before, Submission{Player: "p", Run: b}, start)
		sum := func(x, y int64) *big.Int { return new(big.Int).Add(big.NewInt(x), big.NewInt(y)) }
		score, subscore := sum(a.Score, b.Score), sum(a.Subscore, b.Subscore)
		if fits := score.IsInt64() && subscore.IsInt64(); !fits {
			if !errors.Is(err, ErrOverflow) {
				t.Fatalf("%v + %v = %v, %v", a, b, after.Run, err)
			}
			return
		}
		if err != nil || after.Run != (Run{score.Int64(), subscore.Int64()}) {
			t.Fatalf("%v + %v = %v, %v", a, b, after.Run, err)
		}
	})
}

func TestMetadataBelongsToTheRun(t *testing.T) {
	for operator, want := range map[Operator]string{Best: "", Latest: "", Sum: `{"a":1}`} {
		board, season := open(t, Definition{Rules: Rules{Operator: operator}, MetadataBytes: 100})
		entry, _ := submitAll(t, board, season, Submission{Run: Run{1, 0}, Metadata: `{"a":1}`}, Submission{Run: Run{2, 0}})
		if entry.Metadata != want {
			t.Errorf("%s: %q, want %q", operator, entry.Metadata, want)
		}
	}
}

func TestAttempts(t *testing.T) {
	board, season := open(t, Definition{Rules: Rules{Attempts: 2}})
	entry, receipt := submitAll(t, board, season, Submission{Run: Run{5, 0}}, Submission{Run: Run{4, 0}})
	if receipt.Reason != NotBetter || *receipt.Attempts != 0 || entry.Submissions != 2 || entry.Revision != 2 {
		t.Errorf("second: %+v, %+v", receipt, entry)
	}
	next, receipt, err := season.Submit(board, &entry, Submission{Player: "p", Run: Run{9, 0}}, start)
	if err != nil || receipt.Accepted || receipt.Reason != AttemptsUsed || *receipt.Current != (Run{5, 0}) || !reflect.DeepEqual(next, entry) {
		t.Errorf("third: %+v, %+v, %v", receipt, next, err)
	}
}

func TestBounds(t *testing.T) {
	low, high := int64(-5), int64(10)
	board, season := open(t, Definition{MinScore: &low, MaxScore: &high, MetadataBytes: 4})
	for _, score := range []int64{low, high} {
		if _, _, err := season.Submit(board, nil, Submission{Run: Run{Score: score, Subscore: 99}}, start); err != nil {
			t.Errorf("%d: %v", score, err)
		}
	}
	_, _, err := season.Submit(board, nil, Submission{Run: Run{Score: 11}, Metadata: `{"a":1}`, AchievedAt: start.Add(time.Microsecond)}, start)
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Fields) != 3 || f.Fields[0].Pointer != "/score" || f.Fields[1].Pointer != "/metadata" || f.Fields[2].Pointer != "/achieved_at" {
		t.Errorf("all at once: %+v", f)
	}
}

func TestAchievedAtIsTheSendersOrNow(t *testing.T) {
	board, season := open(t, Definition{Rules: Rules{Operator: Sum}})
	early := start.Add(-time.Hour)
	entry, _ := submitAll(t, board, season, Submission{AchievedAt: early})
	if !entry.AchievedAt.Equal(early) {
		t.Errorf("achieved at %v", entry.AchievedAt)
	}
	entry, _ = submitAll(t, board, season, Submission{}, Submission{AchievedAt: early})
	if !entry.AchievedAt.Equal(start) {
		t.Errorf("a sum was reached at %v, before its first part came", entry.AchievedAt)
	}
}

func TestANewLifeGoesOnCounting(t *testing.T) {
	board, season := open(t, Definition{})
	entry, _ := submitAll(t, board, season, Submission{Run: Run{9, 9}})
	gone, err := entry.Remove(start.Add(time.Hour))
	if err != nil || !gone.Removed() || gone.Listed() || gone.Revision != 2 || season.Mark(gone) != (Mark{Player: "p", Revision: 2, Gone: true}) {
		t.Fatalf("removed: %+v, %v", gone, err)
	}
	if _, err := gone.Remove(start); !errors.Is(err, ErrNotRanked) {
		t.Errorf("removed again: %v", err)
	}
	again, receipt, err := season.Submit(board, &gone, Submission{Player: "p", Run: Run{1, 0}}, start.Add(2*time.Hour))
	if err != nil || !receipt.Accepted || receipt.Previous != nil || again.Run != (Run{1, 0}) || again.Revision != 3 {
		t.Errorf("again: %+v, %+v, %v", again, receipt, err)
	}
	if _, err := again.Restore(start); !errors.Is(err, ErrNotRemoved) {
		t.Errorf("undone after a later run: %v", err)
	}
}

func TestARemovalIsUndone(t *testing.T) {
	board, season := open(t, Definition{Rules: Rules{Attempts: 2}, MetadataBytes: 9})
	entry, _ := submitAll(t, board, season, Submission{Run: Run{9, 9}, Metadata: `{"a":1}`})
	gone, err := entry.Remove(start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	back, err := gone.Restore(start.Add(2 * time.Hour))
	want := entry
	want.Revision, want.UpdatedAt = 3, start.Add(2*time.Hour)
	if err != nil || back != want {
		t.Errorf("got %+v, %v, want %+v", back, err, want)
	}
}

func TestAHiddenEntryTakesRuns(t *testing.T) {
	board, season := open(t, Definition{Rules: Rules{Operator: Sum}})
	entry, _ := submitAll(t, board, season, Submission{Run: Run{1, 1}})
	hidden := entry.Hide(true, start.Add(time.Hour))
	if hidden.Revision != 2 || hidden.Listed() || hidden.Hide(true, start) != hidden {
		t.Fatalf("hidden: %+v", hidden)
	}
	next, receipt, err := season.Submit(board, &hidden, Submission{Player: "p", Run: Run{2, 2}}, start.Add(2*time.Hour))
	if err != nil || !receipt.Accepted || *receipt.Current != (Run{3, 3}) || !next.Hidden {
		t.Fatalf("submitted: %+v, %+v, %v", next, receipt, err)
	}
	mark := season.Mark(next)
	if !mark.Hidden || mark.Gone || mark.Key != season.Rules.Key(Run{3, 3}, start.Add(2*time.Hour)) {
		t.Errorf("mark: %+v", mark)
	}
	removed, err := next.Remove(start)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := season.Submit(board, &removed, Submission{Player: "p"}, start); err != nil || !again.Hidden {
		t.Errorf("begun anew: %+v, %v", again, err)
	}
	if shown := next.Hide(false, start); !shown.Listed() || shown.Run != (Run{3, 3}) || shown.Revision != 4 {
		t.Errorf("shown: %+v", shown)
	}
}

func TestQuarantines(t *testing.T) {
	for _, reason := range []string{"", strings.Repeat("x", 201), "a\nb", "\xff"} {
		if _, err := NewQuarantine("laps", "p", reason, start); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", reason, err)
		}
	}
	q, err := NewQuarantine("", "p", "a wallhack: möglich", start)
	if err != nil || !q.Covers("laps") || !q.Covers("other") {
		t.Errorf("everywhere: %+v, %v", q, err)
	}
	if q.Board = "laps"; !q.Covers("laps") || q.Covers("other") {
		t.Errorf("on one: %+v", q)
	}
}

func TestDefinitions(t *testing.T) {
	board, season := open(t, Definition{Name: "  Fastest laps "})
	if board.Name != "Fastest laps" || board.Rules != (Rules{Sort: Descending, Operator: Best, TieBreak: EarliestFirst}) || board.Submitters != Servers || board.Version != 1 {
		t.Errorf("defaults: %+v", board)
	}
	if season.Number != 1 || season.Rules != board.Rules || !season.StartedAt.Equal(start) || season.State != Open || !season.Takes(start.Add(1e9)) {
		t.Errorf("season: %+v", season)
	}
	low, high := int64(2), int64(1)
	_, _, err := NewBoard("Laps", Definition{
		Name: strings.Repeat("x", 81), Rules: Rules{Sort: "up", Operator: "most", TieBreak: "none", Attempts: -1},
		MinScore: &low, MaxScore: &high, Submitters: "all", MetadataBytes: 1 << 20,
	}, start, start)
	var f *fault.Fault
	if !errors.As(err, &f) || len(f.Fields) != 9 {
		t.Errorf("all faults at once: %+v", f)
	}
	edited, err := board.Edited(Definition{Rules: Rules{Sort: Ascending}}, start.Add(time.Hour))
	if err != nil || edited.Version != 2 || edited.Rules.Sort != Ascending || edited.Name != "laps" || !edited.CreatedAt.Equal(start) {
		t.Errorf("edited: %+v, %v", edited, err)
	}
	ended, next := season.Close(edited, start.Add(2*time.Hour), start.Add(2*time.Hour))
	if ended.State != Closing || ended.Rules.Sort != Descending || next.Number != 2 || next.Rules.Sort != Ascending || !next.StartedAt.Equal(ended.EndedAt) {
		t.Errorf("closed: %+v, %+v", ended, next)
	}
	for id, want := range map[string]bool{"a": true, "weekly-laps-2": true, "": false, "-a": false, "a--b": false, "A": false, "a_b": false, strings.Repeat("a", 65): false} {
		if ValidBoardID(id) != want {
			t.Errorf("id %q: want %v", id, want)
		}
	}
}
