// Package cron reads cron expressions.
//
// A library parses them and finds their matches on a calendar without time zones;
// what time it then is anywhere, also where clocks are put forward and back, is
// decided here. The time zones are built in, so that a static binary knows them.
package cron
