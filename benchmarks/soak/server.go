// A server that decodes and encodes JSON for each request and keeps none of it: its heap settles as the collector does.
package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/predict", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rows := make([]map[string]any, 0, 200)
		for i := 0; i < 200; i++ {
			row := map[string]any{}
			_ = json.Unmarshal(body, &row)
			rows = append(rows, row)
		}
		_ = json.NewEncoder(w).Encode(rows)
	})
	_ = http.ListenAndServe(":"+os.Args[1], nil)
}
