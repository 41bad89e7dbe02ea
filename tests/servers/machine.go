package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// machine is a server that can be handled roughly. Each call returns when its
// effect is complete: start when the server answers, stop and kill when it is gone.
type machine interface {
	start(context.Context) error
	stop() error   // as an operator would: data is saved
	kill() error   // SIGKILL: nothing is saved
	pause() error  // SIGSTOP: it holds its connections and answers nothing
	resume() error // SIGCONT
	end() error    // for good
}

// errEnded says that a server ended before it answered.
var errEnded = errors.New("ended before it answered")

// stopWithin bounds how long a server may take to stop after it was asked to.
const stopWithin = 30 * time.Second

// process is a server that runs as a child of this process.
type process struct {
	command  func() *exec.Cmd            // a fresh command each time
	answers  func(context.Context) error // nil when the server serves
	graceful syscall.Signal
	log      string // file

	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
	died int           // how often it was stopped or killed
}

var _ machine = (*process)(nil)

func (p *process) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		err := p.startOnce(ctx)
		// After a kill the operating system may hold the old server's memory or
		// port for a moment yet, so a restart tries again.
		if err == nil || p.died == 0 || !errors.Is(err, errEnded) || ctx.Err() != nil {
			return err
		}
		wait(ctx, 50*time.Millisecond)
	}
}

func (p *process) startOnce(ctx context.Context) error {
	if err := p.spawn(); err != nil {
		return err
	}
	for {
		probe, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := p.answers(probe)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s %w: %s", p.cmd.Path, errEnded, tail(p.log))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s does not answer: %w: %s", p.cmd.Path, err, tail(p.log)), p.kill())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// spawn starts the command and a goroutine that lives until it ends.
func (p *process) spawn() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd, started, done := p.command(), make(chan error), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	go func() {
		// The kernel ends the server with the thread that started it, so the thread
		// must stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is told by the log
		}
	}()
	p.cmd, p.done = cmd, done
	return <-started
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(p.graceful); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	p.died++
	select {
	case <-p.done:
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("%s does not stop: %s", p.cmd.Path, tail(p.log)), p.kill())
	}
}

func (p *process) kill() error {
	family := append([]int{p.cmd.Process.Pid}, children(p.cmd.Process.Pid)...)
	select {
	case <-p.done: // its number may be another's by now
	default:
		for _, pid := range family {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
	}
	p.died++
	<-p.done
	return nil
}

func (p *process) end() error { return p.kill() }

func (p *process) pause() error {
	// The parent first, so that it starts no more children.
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return signalAll(children(p.cmd.Process.Pid), syscall.SIGSTOP)
}

func (p *process) resume() error {
	if err := signalAll(children(p.cmd.Process.Pid), syscall.SIGCONT); err != nil {
		return err
	}
	return p.cmd.Process.Signal(syscall.SIGCONT)
}

func signalAll(pids []int, signal syscall.Signal) error {
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// freePort is a port on loopback that nobody listens on. It is below the ports
// that systems give to outgoing connections, so that a stopped server finds its
// port free when it returns, and low enough for a Redis Cluster bus 10,000 above.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := 10_000 + rand.IntN(12_000)
		var l net.Listener
		if l, err = net.Listen("tcp4", loopback(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// tail is the end of a log, for an error message.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1500):])
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
