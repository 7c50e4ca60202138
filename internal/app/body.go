package app

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
)

// maxBodyBytes is the largest body of a request, in bytes.
const maxBodyBytes = 256 << 10

// strangerBody is the largest body of a request to the page where one joins, in bytes: its fields are
// short, and longer bodies would take the room that the lab has for its own.
const strangerBody = 2 << 10

const (
	freeBody  = 4 << 10  // bytes: a longer body takes room from App.bodies
	allBodies = 16 << 20 // bytes for all longer bodies together, until their answers have left
)

// errCrowded means that App.bodies has no room left for a body.
var errCrowded = errors.New("too many long bodies at once")

// longestBody is how long the request's body may be.
func (c *call) longestBody() int64 {
	if c.stranger {
		return strangerBody
	}
	return maxBodyBytes
}

// readBody reads the request's body. If it is longer than longestBody the error is a
// *http.MaxBytesError, if all long bodies together are too long it is errCrowded. Room is
// taken for the bytes that have come, whatever length the header promises.
func (a *App) readBody(c *call) (string, error) {
	r := c.Request()
	if n := r.ContentLength; n >= 0 && n <= min(freeBody, c.longestBody()) {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return string(body), err
	}
	from := http.MaxBytesReader(c.Response(), r.Body, c.longestBody())
	body := make([]byte, 0, 512)
	for {
		n, err := from.Read(body[len(body):cap(body)])
		switch body = body[:len(body)+n]; {
		case err == io.EOF:
			return string(body), nil
		case err != nil:
			return string(body), err
		case len(body) < cap(body):
		case cap(body) >= freeBody && !a.takeRoom(c, cap(body)):
			return "", errCrowded
		default:
			body = append(make([]byte, 0, 2*cap(body)), body...)
		}
	}
}

// takeRoom takes room for n more bytes of the request's body: of all bodies, and in a class of the
// bodies of its seat.
func (a *App) takeRoom(c *call, n int) bool {
	use := a.useOf(c.seat)
	if use != nil && !use.bodies.Take(n) {
		return false
	}
	if !a.bodies.Take(n) {
		if use != nil {
			use.bodies.Give(n)
		}
		return false
	}
	c.room += n
	return true
}

// giveRoom gives back what takeRoom took.
func (a *App) giveRoom(c *call) {
	a.bodies.Give(c.room)
	if use := a.useOf(c.seat); use != nil && c.room > 0 {
		use.bodies.Give(c.room)
	}
}

const formType = "application/x-www-form-urlencoded"

// readForm reads the body of a POST: a form, or nothing.
func (a *App) readForm(c *call) error {
	r := c.Request()
	if declared := r.Header.Get("Content-Type"); declared != formType && (declared != "" || r.ContentLength != 0) {
		if kind, _, err := mime.ParseMediaType(declared); err != nil || kind != formType {
			return &problem{status: http.StatusUnsupportedMediaType, brief: r.ContentLength < 0 || r.ContentLength > freeBody, // its rest is not read
				detail: "The body is not a form. Send it as " + formType + "."}
		}
	}
	most := c.longestBody()
	tooLong := func(brief bool) error {
		return &problem{status: http.StatusRequestEntityTooLarge, brief: brief,
			detail: fmt.Sprintf("The body of this request is too large: at most %s bytes are allowed, counted as they are sent, with every %%-escape. Nothing was changed.", say.Number(int(most)))}
	}
	if r.ContentLength > 4*most { // it is not read; of a shorter one the page shows again what came
		return tooLong(true)
	}
	body, err := a.readBody(c)
	if errors.Is(err, errCrowded) {
		c.Response().Header().Set("Connection", "close") // the rest is not waited for
		_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Now())
		return &problem{status: http.StatusTooManyRequests, cause: err, brief: true,
			detail: fmt.Sprintf("The forms that this server is receiving are too long together: at most %s bytes are allowed. Nothing was changed: try again in a moment.", say.Number(int(a.capacity.bodies)))}
	} else if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		c.form, _ = url.ParseQuery(body) // what there is of it stays in the form
		return tooLong(false)
	} else if err != nil {
		return &problem{status: http.StatusBadRequest, cause: err, brief: true, detail: "The body of this request could not be read to its end."}
	}
	c.body = body
	if c.form, err = url.ParseQuery(body); err != nil {
		return &problem{status: http.StatusBadRequest, cause: err,
			detail: "The form does not parse: a field holds a broken %-escape or a semicolon."}
	}
	return nil
}

// checkQuery refuses an address whose query does not parse. A field of it would be missing
// otherwise, and be said to be missing.
func checkQuery(c *call) error {
	query := c.Request().URL.RawQuery
	if !strings.ContainsAny(query, "%;") {
		return nil
	}
	if _, err := url.ParseQuery(query); err != nil {
		return &problem{status: http.StatusBadRequest, cause: err,
			detail: "The query of this address does not parse: a field holds a broken %-escape or a semicolon. Write % as %25 and ; as %3B."}
	}
	return nil
}

// field returns the form's field of that name, or an error if there is none. The value is a
// copy: a substring of the body would keep all of the body in memory.
func field(form url.Values, name string) (string, error) {
	if !form.Has(name) {
		return "", &problem{status: http.StatusBadRequest, detail: fmt.Sprintf("The form has no field %q.", name)}
	}
	return strings.Clone(form.Get(name)), nil
}
