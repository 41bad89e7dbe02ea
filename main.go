// Overworld is the always-on backend behind a multiplayer game.
//
// A binary with adapters of your own is this file with
// bootstrap.Main(bootstrap.WithPlugins(yours.Plugin)).
package main

import "github.com/overworldhq/overworld/bootstrap"

func main() { bootstrap.Main() }
