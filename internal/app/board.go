package app

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/qr"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// boardRoutes adds the routes of the board: the page, its stream, the page for the beamer, and what
// the teacher does. boardnews.go has the news of the stream, boardacts.go the acts.
func (a *App) boardRoutes() {
	a.echo.GET("/classroom/events", handler(a.teacher(a.boardEvents)))
	a.read("/classroom/screen", a.teacher(a.showScreen))
	a.post("/classroom/door", a.teacher(a.setDoor))
	a.post("/classroom/door/let-in", a.teacher(a.letIn))
	a.post("/classroom/give-back", a.teacher(a.giveBack))
	a.post("/classroom/remove", a.teacher(a.removeSeats))
	a.post("/classroom/doctor", a.teacher(a.askDoctor))
	a.togetherRoutes()
}

// showBoard is GET /classroom: the board, until somebody has joined with the address in large. find,
// sort and only choose the tiles for a page without a script; seat opens the panel of a seat; ask is the
// experiment whose fields the form for a question shows.
func (a *App) showBoard(c *call, cl *class) error {
	if c.wants == formJSON {
		return cl.boardJSON(c)
	}
	name := c.QueryParam("seat")
	if c.wants == formFragment && c.QueryParams().Has("ask") {
		return a.write(c, http.StatusOK, views.AskChosen(cl.askChoice(c.QueryParam("ask"))))
	}
	if c.wants == formFragment && c.QueryParams().Has("everyone") {
		return a.write(c, http.StatusOK, views.EveryoneAsked(cl.sureView(c.QueryParam("everyone"))))
	}
	if c.wants == formFragment {
		return a.write(c, http.StatusOK, views.SeatPanel(cl.seatFacts(name)))
	}
	switch {
	case cl.over.Load() != nil:
		v := cl.endedBoard()
		v.Page, v.Stream, v.Store = a.boardPage(c, "The class has ended"), "/classroom/events", a.cfg.StoreName
		return a.write(c, http.StatusOK, views.BoardPage(v))
	case c.QueryParam("ending") != "":
		return a.askToEnd(c, cl)
	}
	cl.doctor.lookOnce()
	cl.probeByLoad(c, "")
	return a.write(c, http.StatusOK, views.BoardPage(cl.boardView(c, name)))
}

// boardPage returns what a page of the board has.
func (a *App) boardPage(c *call, title string) views.Page {
	p := a.page(c, title)
	p.ShelfCSS = a.assets.url("css/experiments.css")
	p.ClassScript = a.assets.url("js/class.js")
	p.Board, p.BoardCSS = a.assets.url("js/board.js"), a.assets.url("css/board.css")
	return p
}

// boardView returns the whole board as it is now. seat is the name of the seat whose panel is open,
// "" for none.
func (cl *class) boardView(c *call, seat string) views.Board {
	a, now := cl.app, c.now()
	tiles, _, feed, version := cl.board.Since(0)
	sift := views.Sift{Find: strings.TrimSpace(c.QueryParam("find")), ByLast: c.QueryParam("sort") == "last", Trouble: c.QueryParam("only") == "trouble"}
	p := a.boardPage(c, "Class")
	v := views.Board{
		Page: p, Stream: "/classroom/events?since=" + cl.news.at(version, len(tiles) == 0), Store: a.cfg.StoreName, Waiting: len(tiles) == 0, Said: cl.said.take(c.QueryParam("said"), now),
		Together: cl.togetherView(), Join: cl.joinView(), Tally: show.Tally(tiles, a.cfg.Class.Seats), Door: cl.doorView(), Holds: cl.storeView(c.ctx()),
		Feed: show.Feed(feed), Doctor: doctorView(cl.health()), Now: now.UnixMilli(), Seat: cl.seatFacts(seat),
	}
	cl.chooseToAsk(&v.Together.Ask, c.QueryParam("ask"))
	v.Together.Everyone.Sure = cl.sureView(c.QueryParam("everyone"))
	if sift.ByLast {
		show.SortTiles(tiles)
	}
	v.Tiles = show.Tiles(tiles, cl.lab.experimentCount(), now)
	v.Sift = sifted(sift, v.Tiles, seat)
	return v
}

// sifted marks the tiles that s leaves out, and the one that is chosen.
func sifted(s views.Sift, tiles []views.Tile, chosen string) views.Sift {
	s.None = true
	find := strings.ToLower(s.Find)
	for i := range tiles {
		t := &tiles[i]
		t.Hidden = s.Trouble && !t.Trouble || !strings.Contains(t.Find, find)
		t.Chosen = t.Name == chosen
		s.None = s.None && t.Hidden
	}
	return s
}

// boardJSON answers with the tiles, for programs.
func (cl *class) boardJSON(c *call) error {
	type seatJSON struct {
		Nickname string `json:"nickname"`
		State    string `json:"state"`
		Keys     int    `json:"keys"`
		Bytes    int    `json:"bytes"`
		Awake    bool   `json:"awake"`
		Done     int    `json:"done"`

		Rehearsal bool `json:"rehearsal,omitempty"` // one of the program's own browsers
	}
	tiles, _, _, _ := cl.board.Since(0)
	seats := make([]seatJSON, 0, len(tiles))
	for _, t := range tiles {
		seats = append(seats, seatJSON{t.Nickname, string(t.State), t.Keys, t.Bytes, t.Awake, t.Done, t.Rehearsal})
	}
	return writeJSON(c, http.StatusOK, "application/json", struct {
		Op       string        `json:"op"`
		Seats    []seatJSON    `json:"seats"`
		Question *questionJSON `json:"question"` // null for none
	}{"classroom", seats, cl.questionJSON()})
}

// seatFacts returns the panel of the seat of that name, nil if there is none.
func (cl *class) seatFacts(name string) *views.SeatFacts {
	s, ok := cl.roster.Named(name)
	if !ok {
		return nil
	}
	tile, ok := cl.board.Tile(s.ID)
	if !ok {
		return nil
	}
	beside := len(cl.roster.OfDevice(s.Device)) - 1
	return show.SeatFacts(s, tile, beside, cl.lab.experimentCount(), cl.now())
}

func (cl *class) doorView() views.Door { return show.Door(cl.roster.DoorClosed(), cl.roster.Waiting()) }

// storeAnswer is how long the board waits for the figures of the class's store.
const storeAnswer = 500 * time.Millisecond

// storeView returns what the class's store holds, without figures if the store does not answer soon:
// the tiles are not told meanwhile.
func (cl *class) storeView(ctx context.Context) views.ClassStore {
	ctx, cancel := context.WithTimeout(ctx, storeAnswer)
	defer cancel()
	stats, err := cl.shared.Stats(ctx)
	return show.ClassStore(cl.app.cfg.StoreName, cl.parts.Durable, stats, err == nil)
}

// maxWays is how many addresses have a tab of their own.
const maxWays = 3

// joinView returns the addresses at which one joins, each with its code.
func (cl *class) joinView() views.Poster {
	j := views.Poster{Door: cl.roster.DoorClosed(), Knocks: len(cl.roster.Waiting()), Seats: cl.roster.Count(), Own: len(cl.roster.Rehearsing()), Local: cl.doctor.localName()}
	for i, address := range cl.parts.Network.Addresses() {
		w := cl.wayOf(i, address)
		if likely := address.Own != "" || address.Kind <= network.Ethernet; likely && len(j.Ways) < maxWays {
			j.Ways = append(j.Ways, w)
		} else {
			j.Others = append(j.Others, w)
		}
	}
	return j
}

// wayOf returns the i-th address with its code, which is made once.
func (cl *class) wayOf(i int, address network.Address) views.Way {
	w := views.Way{N: strconv.Itoa(i + 1), Kind: address.Kind.String(), Label: cmp.Or(address.Own, address.IP.String()), Join: address.Join(), Large: "http://" + address.Host(), Err: say.Shown(address.Err, 200)}
	if made, ok := cl.codes.Load(w.Join); ok {
		code := made.([2]string)
		w.QR, w.Size = code[0], code[1]
		return w
	}
	if d, size, err := qr.Path(w.Join); err == nil {
		w.QR, w.Size = d, "0 0 "+strconv.Itoa(size)+" "+strconv.Itoa(size)
		cl.codes.Store(w.Join, [2]string{w.QR, w.Size})
	}
	return w
}

// health returns what the doctor knows.
func (cl *class) health() health {
	h := cl.doctor.health(cl.parts.Network.Addresses())
	for _, k := range cl.parts.Network.Knocks() {
		h.knocked++
		if k.Last.After(h.knock) {
			h.knock = k.Last
		}
	}
	seated := make(map[netip.Addr]bool)
	seats := cl.roster.Seats()
	h.nobody = true
	for _, s := range seats {
		h.nobody = h.nobody && s.Rehearsal
		seated[s.Device] = true
	}
	h.stuck = cl.doctor.stuck(seated)
	return h
}

// leadToBoard answers a press on the board: a fragment, JSON, or the way to the page that says what
// happened.
func (cl *class) leadToBoard(c *call, said views.Said, seat string, done any) error {
	switch c.wants {
	case formJSON:
		return writeJSON(c, http.StatusOK, "application/json", done)
	case formFragment:
		return cl.app.write(c, http.StatusOK, views.BoardSaidFragment(views.Board{Said: said, Door: cl.doorView(), Doctor: doctorView(cl.health())}))
	}
	to := "/classroom?said=" + cl.said.put(said, cl.now())
	if seat != "" {
		to += "&seat=" + seat
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// errNoSeat is the refusal of an act on a seat that is not there.
func errNoSeat() error {
	return &problem{status: http.StatusNotFound, detail: "There is no seat of that name: it was removed, or has given way.", cause: echo.ErrNotFound}
}
