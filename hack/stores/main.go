// Two real servers for the tests of sources, in one program, because they share most of what is compiled for them: the
// registry of the CNCF, and an object store that has the API of Google's.
//
//	stores registry CONFIG      the registry, with a configuration as its documentation describes it
//	stores gcs PORT FOLDER      the object store, on loopback; its files are in the folder
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stores:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "registry":
		registry.RootCmd.SetArgs([]string{"serve", arguments[1]})
		return registry.RootCmd.Execute()
	case len(arguments) == 3 && arguments[0] == "gcs":
		return serveObjects(arguments[1], arguments[2])
	}
	return fmt.Errorf("usage: stores registry CONFIG | stores gcs PORT FOLDER")
}

func serveObjects(port, folder string) error {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	_, err = fakestorage.NewServerWithOptions(fakestorage.Options{
		Scheme:      "http",
		Host:        "127.0.0.1",
		Port:        uint16(number),
		StorageRoot: folder,
	})
	if err != nil {
		return err
	}
	select {}
}
