package shelf_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var saveAfterWrite = proof{
	slug: "save-after-write",
	cases: []testCase{
		{chosen: "program=engine", happened: "lost-with-error", says: []string{"it is too late to save the session", "set no cookie"}, witness: sawWroteFirst(true)},
		{chosen: "program=gorilla", happened: "lost-in-silence", says: []string{"Saving returned no error", "set no cookie"}, witness: sawWroteFirst(false)},
	},
	controls: []control{
		{chosen: "program=engine", happened: "lost-in-silence", handler: answeredInstead(onRoute("GET", "/late"), http.StatusOK, `{"error":""}`)},
		{chosen: "program=gorilla", happened: "saved", handler: buffering},
		{chosen: "program=gorilla", happened: "error-page", handler: answeredInstead(onRoute("POST", "/late"), http.StatusInternalServerError, "")},
		{chosen: "program=engine", happened: experiment.None, handler: answeredInstead(onRoute("GET", "/late"), http.StatusNotFound, "")},
	},
}

func TestSaveAfterWrite(t *testing.T) { saveAfterWrite.run(t) }

// sawWroteFirst is the witness of save-after-write.
func sawWroteFirst(refuses bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 5 {
			t.Fatalf("%d requests", len(all))
		}
		late, lateRead, log, early, earlyRead := all[0], all[1], all[2], all[3], all[4]
		if late.status != 200 || late.body != "saved" || late.setCookie != "" || lateRead.cookie != "" || lateRead.answer["found"] != false {
			t.Errorf("write, then save: %+v, %+v", late, lateRead)
		}
		if text, ok := log.answer["error"].(string); !ok || (text != "") != refuses {
			t.Errorf("the save returned %q", log.body)
		}
		if early.sent() == "" || earlyRead.cookie != early.sent() || earlyRead.value() != "Mina" {
			t.Errorf("save, then write: %+v, %+v", early, earlyRead)
		}
	}
}

// buffering sends nothing before the handler has returned.
func buffering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &heldBack{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(kept, r)
		for name, lines := range kept.Header() {
			w.Header()[name] = lines
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.body.Bytes())
	})
}

// heldBack is a ResponseWriter whose head can be changed until the end.
type heldBack struct {
	*httptest.ResponseRecorder
	body bytes.Buffer
}

func (h *heldBack) WriteHeader(status int) { h.Code = status }

func (h *heldBack) Write(p []byte) (int, error) { return h.body.Write(p) }
