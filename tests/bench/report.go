package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// line is one row of the table.
type line struct {
	stack       string
	what        string
	connections int
	figures     figures
	scenario    scenario // its targets; zero for a floor
	note        string   // instead of a ratio
	// floors to compare with; zero when there are none.
	http, upsert figures
}

// held tells whether the line is held to its target of processor time.
func (l line) held() bool {
	return l.stack == production && l.connections == 64 && l.scenario.most > 0
}

// within tells whether the figures reach what the line is held to.
func (l line) within() bool { return l.sum() <= l.scenario.most && l.figures.errors == 0 }

// sum is the processor time that counts.
func (l line) sum() float64 {
	if l.scenario.cached {
		return l.figures.total() + max(l.figures.cache, 0)
	}
	return l.figures.total()
}

// verdict says whether a target was reached.
func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "missed"
}

var head = []string{"scenario", "connections", "ops/s", "p50 ms", "p95 ms", "p99 ms", "errors", "CPU s / 1,000: server", "database", "sum", "at most", "cache", "ratio to its floor"}

func (l line) cells() []string {
	f := l.figures
	most := ""
	if l.held() {
		most = fmt.Sprintf("%.2f, %s", l.scenario.most, verdict(l.within()))
	}
	p99 := milliseconds(f.p99)
	if l.scenario.steady && l.connections == 64 {
		p99 += fmt.Sprintf(" (4 medians: %s)", verdict(f.p99 <= 4*f.p50))
	}
	sum := seconds(l.sum())
	if f.server < 0 && f.database < 0 {
		sum = ""
	}
	return []string{
		l.what, fmt.Sprint(l.connections), fmt.Sprintf("%.0f", f.persecond), milliseconds(f.p50), milliseconds(f.p95), p99,
		fmt.Sprint(f.errors), seconds(f.server), seconds(f.database), sum, most, seconds(f.cache), l.ratio(),
	}
}

// ratio compares operations per second with the floor.
func (l line) ratio() string {
	var ratio float64
	of := "upserts"
	switch {
	case l.note != "":
		return l.note
	case l.upsert.persecond > 0:
		ratio = l.figures.persecond / l.upsert.persecond
	case l.http.persecond > 0:
		ratio, of = l.figures.persecond/l.http.persecond, "bare HTTP"
	default:
		return ""
	}
	text := fmt.Sprintf("%.2f of %s", ratio, of)
	if l.scenario.least > 0 && l.connections == 64 {
		text += fmt.Sprintf(" (%.2f: %s)", l.scenario.least, verdict(ratio >= l.scenario.least))
	}
	return text
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

func seconds(s float64) string {
	if s < 0 {
		return ""
	}
	return fmt.Sprintf("%.3f", s)
}

// markdown writes the table of one stack, in columns that can be read as text too.
func markdown(w io.Writer, lines []line) {
	rows := [][]string{head}
	for _, l := range lines {
		rows = append(rows, l.cells())
	}
	widths := make([]int, len(head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-len(cell))
			if i == 0 {
				fmt.Fprintf(w, "| %s%s ", cell, padding)
				continue
			}
			fmt.Fprintf(w, "| %s%s ", padding, cell)
		}
		fmt.Fprintln(w, "|")
		if n == 0 {
			for i, width := range widths {
				rule := strings.Repeat("-", width+1) + ":"
				if i == 0 {
					rule = strings.Repeat("-", width+2)
				}
				fmt.Fprintf(w, "|%s", rule)
			}
			fmt.Fprintln(w, "|")
		}
	}
}

// page is docs/performance.md.
func page(w io.Writer, cores int, sections []section) {
	fmt.Fprint(w, `# Performance

Written by `+"`go run ./tests/bench -write`"+`. The load is a closed loop over connections that stay open, from a
process of its own on the same machine as all the rest; each figure is the median of several repetitions. Throughput
says little about another machine. CPU seconds for 1,000 operations say more, and the ratio to the floors says most:
the floors are measured in the same run.

- **bare HTTP** is a net/http handler that answers the bytes of a document's reply, or those of a reply with ranks, and does nothing else.
- **upserts** are rows of the documents' shape, or of entries' with both of their indexes, written from Go by prepared statements with nothing in front of the
  database: one row a statement and commit, and 64 rows a statement.
- **submit** sends runs of 10,000 players, each better than the last, to a leaderboard on which 100,000 have a place; the others read it. Their sums include Redis.

`)
	fmt.Fprintf(w, "The machine: %d cores.\n", cores)
	for _, s := range sections {
		fmt.Fprintf(w, "\n## %s\n\n", strings.ToUpper(s.title[:1])+s.title[1:])
		markdown(w, s.lines)
	}
}

// section is the figures of one stack.
type section struct {
	stack string
	title string
	lines []line
}
