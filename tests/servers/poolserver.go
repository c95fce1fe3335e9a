// A server that computes each answer on as many threads as GOMAXPROCS allows: `poolserver PORT [CPUS]`.
//
// Go before 1.25 makes GOMAXPROCS the CPUs of the node, whatever the limit. With CPUS it is that number, as there on a
// node of so many, unless the variable is set.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// Parts of a request that any thread may take, and the steps of each: a few milliseconds of CPU in all.
const (
	parts = 64
	steps = 100_000
)

func part(seed uint32) uint32 {
	state := seed + 1
	for range steps {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
	}
	return state
}

func answer(w http.ResponseWriter, _ *http.Request) {
	var sum atomic.Uint32
	var all sync.WaitGroup
	for i := range uint32(parts) {
		all.Add(1)
		go func() {
			defer all.Done()
			sum.Add(part(i))
		}()
	}
	all.Wait()
	fmt.Fprintf(w, `{"sum": %d}`, sum.Load())
}

func main() {
	if len(os.Args) > 2 && os.Getenv("GOMAXPROCS") == "" {
		cpus, err := strconv.Atoi(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		runtime.GOMAXPROCS(cpus)
	}
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/", answer)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
