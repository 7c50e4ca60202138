package trace

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
)

// Other programs' cookies, credentials, and what opens a visit, a pin or a run are not kept in a
// moment. Otherwise whoever looks at a timeline could steal them.
func TestWhatMustNotBeKept(t *testing.T) {
	t.Parallel()
	seats := newSeats(t)
	second, err := seats.Open(seats.Root, "family")
	if err != nil {
		t.Fatal(err)
	}
	const secret = "S3CRETofSOMEBODY"
	for name, c := range map[string]struct {
		request, answer, body string // a line of the request's head, one of the answer's, and the body
		kept                  bool   // the control: it is kept
	}{
		"a cookie of another program":            {request: "Cookie: a=1; other=" + secret + "; b=2"},
		"a cookie that has no name":              {request: "Cookie: " + secret},
		"a cookie with an empty name":            {request: "Cookie: =" + secret},
		"a cookie in quotes":                     {request: `cookie: other="` + secret + `"`},
		"a cookie of a like name":                {request: "COOKIE: sessionscopeX=" + secret},
		"a cookie of another port":               {request: "Cookie: sessionscope-9090=" + secret},
		"who pinned":                             {request: "Cookie: sessionscope-pins=" + secret},
		"a run that waits":                       {request: "Cookie: sessionscope-live=" + secret},
		"the session of the second browser":      {request: "Cookie: sessionscope~second=" + secret},
		"who pinned in the second browser":       {request: "Cookie: sessionscope~second-pins=" + secret},
		"who pinned, in the answer":              {answer: "Set-Cookie: sessionscope-pins=" + secret + "; Path=/"},
		"a run that waits, in the answer":        {answer: "set-cookie: sessionscope-live=" + secret},
		"another program's cookie in the answer": {answer: "Set-Cookie: other=" + secret},
		"credentials":                            {request: "Authorization: Bearer " + secret},
		"credentials in small letters":           {request: "authorization: Basic " + secret},
		"a proxy's credentials":                  {request: "Proxy-Authorization: Basic " + secret},
		"the visit of a page":                    {request: PageHeader + ": " + secret + " PAGE 12"},
		"the visit of a page, in small letters":  {request: strings.ToLower(PageHeader) + ": " + secret},
		"the visit that a page was loaded with":  {request: LoadHeader + ": " + secret},
		"the visit from now on":                  {answer: VisitHeader + ": " + secret},
		"the visit in a form":                    {body: "key=a&page=" + secret + "&value=1"},
		"the visit first in a form":              {body: "page=" + secret},
		"the visit twice in a form":              {body: "page=1&page=" + secret},
		"the visit under an encoded name":        {body: "p%61ge=" + secret},
		"a proof under an encoded name":          {body: "key=a&%78=" + secret},
		"a proof in a form":                      {body: "x=" + secret},
		"a proof in an address":                  {answer: "Location: /?x=" + secret},
		"a proof between others":                 {answer: "Location: /?at=1&x=" + secret + "&hop=1"},
		"a proof in the second browser's":        {answer: "location: /s/second-abc/?x=" + secret},
		"a proof for a script":                   {answer: "HX-Redirect: /?x=" + secret},
		"a visit in an address":                  {answer: "Hx-Redirect: /?page=" + secret},

		"the control: a session's cookie":              {request: "Cookie: a=1; sessionscope=" + secret, kept: true},
		"the control: a session's cookie is set":       {answer: "Set-Cookie: sessionscope=" + secret + "; Path=/", kept: true},
		"the control: the cookie that scripts read":    {request: "Cookie: sessionscope-readable=" + secret, kept: true},
		"the control: a field that opens nothing":      {body: "key=" + secret + "&pages=1", kept: true},
		"the control: a field of a like name":          {body: "pages=" + secret, kept: true},
		"the control: an address that opens nothing":   {answer: "Location: /?v=" + secret, kept: true},
		"the control: a header that opens nothing":     {request: "X-Page: " + secret, kept: true},
		"the control: the name of a cookie":            {request: "Cookie: " + secret + "=1", kept: true},
		"the control: a label of the session's cookie": {answer: "Set-Cookie: sessionscope=; Path=/" + secret, kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := func(line string) (h http.Header, lines []string) {
				h = make(http.Header)
				if name, value, ok := strings.Cut(line, ": "); ok {
					h.Set(name, value)
					lines = []string{line}
				}
				return h, lines
			}
			in, inLines := lines(c.request)
			out, outLines := lines(c.answer)
			for _, as := range []string{"as it travelled", "as net/http has it"} {
				r := httptest.NewRequest("POST", "/set", nil)
				r.Header = in
				head := tap.Head{}
				if as == "as it travelled" {
					head.Lines = append([]string{"Host: example.com"}, inLines...)
				}
				var x Exchange
				x.Came(r, head, seats.Root, c.body)
				x.Leaving(303, out, seats.Root)
				x.Keeps(r, seats.Root, session.Info{}, Kept{})
				if as == "as it travelled" {
					x.Finish(tap.Left{Status: "303 See Other", Lines: outLines}, seats.Root)
				}
				if got := strings.Contains(text(t, x.Pack()), secret) || strings.Contains(fmt.Sprintf("%+v", x.Gist()), secret); got != c.kept {
					t.Errorf("%s: kept is %t, want %t: %s", as, got, c.kept, text(t, x.Pack()))
				}
			}
		})
	}
	// On the second browser's side, what is its own and what is kin change places.
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "sessionscope="+secret+"1; sessionscope~second="+secret+"2; sessionscope~second-pins="+secret+"3")
	var x Exchange
	x.Came(r, tap.Head{}, second, "")
	x.Keeps(r, second, session.Info{}, Kept{})
	for n, kept := range []bool{1: false, 2: true, 3: false} {
		if got := strings.Contains(text(t, x.Pack()), fmt.Sprint(secret, n)); n > 0 && got != kept {
			t.Errorf("on the second browser's side, cookie %d: kept is %t, want %t", n, got, kept)
		}
	}
}

// What is not kept is told by its kind and its size, and the rest of its line stands as it came.
func TestWhatIsLeftOutIsTold(t *testing.T) {
	t.Parallel()
	kindOf := newSeats(t).Root.KindOf
	for line, want := range map[string]string{
		"Cookie: a=12; sessionscope=tok; sessionscope-readable=hi":                "a= [foreign 2] ;  sessionscope= token:tok ;  sessionscope-readable=hi",
		"Cookie: sessionscope-pins=123; sessionscope-live=; sessionscope~third=1": "sessionscope-pins= [pins 3] ;  sessionscope-live= [live 0] ;  sessionscope~third= [kin 1]",
		"Cookie: " + strings.Repeat("a=1;", 199) + "a=1; sessionscope=tok; b=2":   strings.Repeat("a= [foreign 1] ;  ", 200) + "[foreign 22]",
		"Cookie: bare": "[foreign 4]",
		"Set-Cookie: sessionscope=tok; Path=/; Max-Age=1": "sessionscope= token:tok ; Path=/; Max-Age=1",
		"Set-Cookie: other=12":                            "other= [foreign 2]",
		"Location: /a?x=12&y=3&page=4":                    "/a ? x= [once 2] &y=3&page= [secret 1]",
		"Location: /a?x=&y":                               "/a ? x=&y",
		"Location: /a":                                    "/a",
		"Authorization: Basic 12":                         "[foreign 8]",
		"sessionscope-page: ABC D 1":                      "[secret 7]",
		"X-A: b; c=d":                                     "b; c=d",
		"X-Empty:":                                        "",
	} {
		fields := Fields([]string{line}, kindOf)
		var got []string
		for _, p := range fields[0].Pieces {
			switch p.Kind {
			case Plain:
				got = append(got, p.Text)
			case Token:
				got = append(got, "token:"+p.Text)
			default:
				got = append(got, fmt.Sprintf("[%s %d]", p.Kind, p.Bytes))
			}
		}
		name, _, _ := strings.Cut(line, ":")
		if strings.Join(got, " ") != want || fields[0].Name != name {
			t.Errorf("%s\n is %q\nwant %q", line, strings.Join(got, " "), want)
		}
	}
}
