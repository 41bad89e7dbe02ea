package bootstrap

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/overworldhq/overworld/adapters/httpapi"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"

	"context"
)

func newConfig(registry *plugin.Registry) *cobra.Command {
	command := &cobra.Command{Use: "config", Short: "Look at the configuration", Args: cobra.NoArgs}
	command.AddCommand(
		&cobra.Command{
			Use: "print", Short: "Print every setting, its value and where it came from", Args: cobra.NoArgs,
			Long: "Print every setting, its value and where it came from. Secrets, and passwords in URLs, are not shown.",
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := loadConfig(cmd, registry)
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, s := range c.Settings() {
					fmt.Fprintf(table, "%s\t%s\t%s\n", s.Key, s.Shown(), s.Source)
				}
				return table.Flush()
			},
		},
		&cobra.Command{
			Use: "reference", Short: "Print a Markdown table of every setting there is", Args: cobra.NoArgs,
			Run: func(cmd *cobra.Command, _ []string) {
				out := cmd.OutOrStdout()
				fmt.Fprintln(out, "| in a file | environment variable | default | what it is |\n|---|---|---|---|")
				for _, o := range config.Options() {
					fmt.Fprintf(out, "| `%s` | `%s` | %s | %s |\n", o.Key, o.Variable(), code(o.Default), o.Help)
				}
			},
		},
	)
	return command
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func newMigrate(registry *plugin.Registry) *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the database's schema up to this version", Args: cobra.NoArgs,
		Long: `Bring the database's schema up to what this version knows. Running it again does
nothing. A server refuses a schema that is older or newer than it knows; one with
an embedded database migrates it by itself.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withTools(cmd, registry, func(ctx context.Context, tools toolbox, _ tenancy.Principal) error {
				applied, err := tools.Store.Migrate(ctx)
				if err != nil {
					return fmt.Errorf("migrate %s: %w", plugin.Redact(tools.Config.Database), err)
				}
				if len(applied) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "The schema is current.")
				}
				for _, name := range applied {
					fmt.Fprintln(cmd.OutOrStdout(), "applied", name)
				}
				return nil
			})
		},
	}
}

func newOpenAPI() *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the OpenAPI document of the API", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			document, err := httpapi.OpenAPI()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(document)
			return err
		},
	}
}
