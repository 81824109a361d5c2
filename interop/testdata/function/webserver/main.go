// Command webserver is a web application on net/http that knows nothing of Lambda.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	http.HandleFunc("GET /hello", hello)
	http.HandleFunc("POST /echo", echo)
	http.HandleFunc("GET /events", events)
	http.HandleFunc("GET /enter", enter)
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":"+os.Getenv("PORT"), nil))
	os.Exit(1)
}

func hello(w http.ResponseWriter, r *http.Request) {
	var context struct {
		Authorizer struct{ IAM struct{ UserARN string } }
	}
	if err := json.Unmarshal([]byte(r.Header.Get("X-Amzn-Request-Context")), &context); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{ //nolint:errcheck // the test sees it
		"name": r.FormValue("name"), "caller": context.Authorizer.IAM.UserARN, "host": r.Host, "cookie": r.Header.Get("Cookie"),
	})
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(body) //nolint:errcheck // the test sees it
}

func events(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("n"))
	pause, _ := strconv.ParseFloat(r.FormValue("pause"), 64)
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range n {
		fmt.Fprintf(w, "data: %d\n\n", i)
		http.NewResponseController(w).Flush() //nolint:errcheck // the test sees it
		time.Sleep(time.Duration(pause * float64(time.Second)))
	}
}

func enter(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "session", Value: "one", HttpOnly: true})
	http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
	http.Redirect(w, r, "/hello", http.StatusFound)
}
