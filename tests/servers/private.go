package servers

import "testing"

// Process is a private server that a test may stop, kill and pause. A call
// returns when its effect is complete. Its methods end the test when they
// fail, so they belong to the test's own goroutine.
type Process struct {
	t       testing.TB
	address string
	machine machine
}

// OwnPostgres starts a PostgreSQL server for this test alone, as durable as in
// production, and gives its handle; URL is of an empty database. Stop cuts the
// connections and saves.
func OwnPostgres(t testing.TB) *Process {
	t.Helper()
	return own(t, kindPostgres)
}

// OwnRedis starts a Redis server for this test alone. Stop saves its data, which
// Start finds again; Kill loses it.
func OwnRedis(t testing.TB) *Process {
	t.Helper()
	return own(t, kindRedis)
}

// OwnRedisCluster starts a cluster of three masters for this test alone, and gives
// the handle of each; address is of them all. They save nothing, but remember their slots.
func OwnRedisCluster(t testing.TB) (nodes []*Process, address string) {
	t.Helper()
	whole := own(t, kindCluster)
	masters, ok := whole.machine.(machines)
	if !ok {
		t.Fatal("the nodes of this cluster can't be told apart")
	}
	for _, one := range masters {
		nodes = append(nodes, &Process{t: t, machine: one})
	}
	return nodes, whole.address
}

// OwnS3 starts an S3 server for this test alone; URL is of an empty bucket.
func OwnS3(t testing.TB) *Process {
	t.Helper()
	return own(t, kindS3)
}

func own(t testing.TB, k kind) *Process {
	t.Helper()
	everything.check(t)
	m, address, _, err := everything.launch(t.Context(), k, private)
	if err != nil {
		giveUp(t, err)
	}
	t.Cleanup(func() {
		if err := m.end(); err != nil {
			t.Errorf("end %s: %v", k, err)
		}
	})
	if k == kindS3 {
		if address, err = makeBucket(t.Context(), address, nameFor(t, "-")); err != nil {
			t.Fatal(err)
		}
	}
	return &Process{t: t, address: address, machine: m}
}

// URL is the server's address. It stays the same over a restart.
func (p *Process) URL() string { return p.address }

// Stop ends the server as an operator would.
func (p *Process) Stop() { p.t.Helper(); p.must("stop", p.machine.stop()) }

// Kill ends the server and its children with SIGKILL.
func (p *Process) Kill() { p.t.Helper(); p.must("kill", p.machine.kill()) }

// Start starts the server again after Stop or Kill, on the same port and data.
func (p *Process) Start() {
	p.t.Helper()
	p.must("start", p.machine.start(p.t.Context()))
}

// Pause freezes the server: connections stay, nothing is answered.
func (p *Process) Pause() { p.t.Helper(); p.must("pause", p.machine.pause()) }

// Resume continues a paused server.
func (p *Process) Resume() { p.t.Helper(); p.must("resume", p.machine.resume()) }

func (p *Process) must(operation string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s test server: %v", operation, err)
	}
}
