package compose

//go:generate go tool -modfile=../../tools/wire/go.mod wire .
