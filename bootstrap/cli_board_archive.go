package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/plugin"
)

func newBoardArchive(registry *plugin.Registry) *cobra.Command {
	var season int
	var output string
	command := &cobra.Command{
		Use: "archive ID", Short: "Download the archive of a season that is over", Args: cobra.ExactArgs(1),
		Long: `Download the archive of a season that is over: its final standings, the first place
first, as lines of JSON in gzip. It is compared with the SHA-256 on record; if it is not what
was archived, no file is left.`,
		Example: `  overworld board archive laps --environment production --season 3
  overworld board archive laps --environment production --season 3 --output - | zcat | head`,
	}
	flags := command.Flags()
	flags.IntVar(&season, "season", 0, "the number of the season")
	flags.StringVar(&output, "output", "", "the `file` to write, which must not be there yet; - is the standard output (default: ID-SEASON.ndjson.gz in this folder)")
	required(command, "season")
	return onBoards(registry, command, func(ctx context.Context, b boards, args []string) error {
		of := ranking.SeasonRef{Board: ranking.BoardID(args[0]), Number: season}
		found, err := b.App.Operators.SeasonArchive(ctx, b.principal, b.place, of)
		if err != nil {
			return err
		}
		content, err := b.App.Leaderboards.OpenArchive(ctx, found, 0, -1)
		if err != nil {
			return err
		}
		defer content.Close()
		switch output {
		case "-":
			_, err := io.Copy(b.out, content)
			return err
		case "":
			output = fmt.Sprintf("%s-%d.ndjson.gz", of.Board, of.Number)
		}
		if err := writeNew(output, content); err != nil {
			return err
		}
		if b.asJSON {
			_, err = fmt.Fprintf(b.out, "{\"file\": %q, \"sha256\": %q, \"bytes\": %d, \"entries\": %d}\n", output, found.SHA256(), found.Bytes, found.Entries)
			return err
		}
		_, err = fmt.Fprintf(b.out, "Wrote %s: %d entries, %d bytes, SHA-256 %s.\n", output, found.Entries, found.Bytes, found.SHA256())
		return err
	})
}

// writeNew writes a file that is not there yet; none is left when that fails.
func writeNew(name string, content io.Reader) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	_, err = io.Copy(file, content)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write archive: %w", err), os.Remove(name))
	}
	return nil
}
