package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// description is the first line of the input.
type description struct {
	Image string            `json:"image"`
	Cmd   []string          `json:"cmd"`
	Env   map[string]string `json:"env"`
	Ports map[string]int    `json:"ports"` // "5432/tcp": the port on this machine's loopback
	Files map[string]string `json:"files"` // path in the container: program on this machine
}

// answer is a line of the output.
type answer struct {
	Error string `json:"error,omitempty"`
	// Absent says that there is no engine to talk to.
	Absent bool `json:"absent,omitempty"`
}

// saveWithin is how long a server has to save its data when it is stopped.
const saveWithin = 20 * time.Second

func main() {
	// Ctrl-C belongs to whoever gives the orders; the end of the input is the end.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	input, output := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	if err := serve(context.Background(), input, output); err != nil {
		fmt.Fprintln(os.Stderr, "containers:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, input *bufio.Scanner, output *json.Encoder) (err error) {
	input.Scan()
	var wanted description
	if err := json.Unmarshal(input.Bytes(), &wanted); err != nil {
		return fmt.Errorf("read description: %w", err)
	}
	engine, err := connect(ctx)
	if err != nil {
		return output.Encode(answer{Error: err.Error(), Absent: true})
	}
	defer engine.Close()
	running, err := run(ctx, wanted)
	if running != nil {
		defer func() { err = errors.Join(err, running.Terminate(context.Background(), testcontainers.StopTimeout(0))) }()
	}
	if err != nil {
		return output.Encode(answer{Error: err.Error()})
	}
	if err := output.Encode(answer{}); err != nil {
		return err
	}
	for input.Scan() {
		var reply answer
		if err := obey(ctx, engine, running.GetContainerID(), input.Text()); err != nil {
			reply.Error = err.Error()
		}
		if err := output.Encode(reply); err != nil {
			return err
		}
	}
	return input.Err()
}

// connect finds the engine and makes sure that it answers.
func connect(ctx context.Context) (*testcontainers.DockerClient, error) {
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("find engine: %w", err)
	}
	if _, err := engine.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("ask engine: %w", err), engine.Close())
	}
	return engine, nil
}

func run(ctx context.Context, wanted description) (*testcontainers.DockerContainer, error) {
	var exposed []string
	bindings := network.PortMap{}
	for inside, outside := range wanted.Ports {
		port, err := network.ParsePort(inside)
		if err != nil {
			return nil, fmt.Errorf("port %s: %w", inside, err)
		}
		exposed = append(exposed, inside)
		// A fixed port, so that the address stays the same over a restart.
		bindings[port] = []network.PortBinding{{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(outside)}}
	}
	var files []testcontainers.ContainerFile
	for inside, outside := range wanted.Files {
		files = append(files, testcontainers.ContainerFile{HostFilePath: outside, ContainerFilePath: inside, FileMode: 0o755})
	}
	return testcontainers.Run(ctx, wanted.Image,
		testcontainers.WithCmd(wanted.Cmd...),
		testcontainers.WithEnv(wanted.Env),
		testcontainers.WithExposedPorts(exposed...),
		testcontainers.WithFiles(files...),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) { host.PortBindings = bindings }),
	)
}

func obey(ctx context.Context, engine *testcontainers.DockerClient, id, order string) error {
	var err error
	switch order {
	case "stop":
		seconds := int(saveWithin.Seconds())
		_, err = engine.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &seconds})
	case "start":
		_, err = engine.ContainerStart(ctx, id, client.ContainerStartOptions{})
	case "kill":
		gone := engine.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		if _, err = engine.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
			break
		}
		select {
		case err = <-gone.Error:
		case <-gone.Result:
		}
	case "pause":
		_, err = engine.ContainerPause(ctx, id, client.ContainerPauseOptions{})
	case "resume":
		_, err = engine.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
	default:
		err = fmt.Errorf("unknown order %q", order)
	}
	if err != nil {
		return fmt.Errorf("%s container: %w", order, err)
	}
	return nil
}
