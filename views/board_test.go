package views

import "github.com/a-h/templ"

// boardFragments are the regions of the board of a class, each in the states that differ.
func boardFragments() map[string]templ.Component {
	way := Way{N: "1", Kind: "Wi-Fi", Label: "192.168.1.20", Join: "http://192.168.1.20:8080/join", Large: "http://192.168.1.20:8080", QR: "M4 4h7v1h-7z", Size: "0 0 37 37"}
	other := Way{N: "2", Kind: "virtual", Label: evil, Join: evil, Large: evil, QR: "M4 4h1v1h-1z", Size: "0 0 37 37", Err: evil}
	tile := Tile{
		Name: "amber-fox", Nickname: "Amber Fox", Find: "amber fox", State: "live", Lives: "both", Session: "9f2c…", Words: "3 keys · 233 B", Act: "set a value",
		At: 1000, Age: "2 s", Heard: 2000, HeardAge: "now", Two: true, Done: "5 of 28 done", Acts: "7", Chosen: true,
	}
	lost := Tile{Name: "odd-gecko", Nickname: evil, State: "nocookie", Words: "no cookie comes back", Asleep: true, Trouble: true, Done: "0 of 28 done", Acts: "2", Hidden: true}
	given := Said{Sentence: Sentence{Tone: "ok", Verb: "give back", At: "10:00:00", Parts: []Part{{"", evil}}}, Code: "RVDTYZDZ", Until: 61_000, Now: 1_000, Left: "1 m 0 s"}
	return map[string]templ.Component{
		"board-poster":  poster(Poster{Ways: []Way{way}, Others: []Way{other}, Local: "http://laptop.local:8080"}),
		"board-nowhere": poster(Poster{}),
		"board-join":    joinBar(Poster{Ways: []Way{way}, Others: []Way{other}, Door: true}),
		"board-tiles":   tiles([]Tile{tile, lost}),
		"board-seat":    seatPanel(&SeatFacts{Tile: tile, Facts: []Field{{Name: "session", Value: evil}}, Beside: 2}),
		"board-door":    door(Door{Closed: true, Waiting: []Knocker{{"Amber Fox", "10:00:00"}, {evil, "10:00:01"}}, More: 3}),
		"board-store":   classStore(ClassStore{Name: "memory", Stats: []Stat{{"3", "live records"}}}),
		"board-feed":    feed([]FeedLine{{"10:00:00", evil, evil, "refused"}}),
		"board-doctor":  doctor(Doctor{Looked: "10:00:00", Checks: []Check{{"bad", evil, []string{evil}}, {"ok", "It answers.", nil}}}),
		"board-said":    BoardSaid(given),
		"board-sift":    sift(Board{Sift: Sift{Find: evil, ByLast: true, Trouble: true}, Tally: Tally{Seats: "2 seats", Awake: "1 awake, 1 in trouble", Summary: "2 seats."}}),
		"screen":        screenJoin(Poster{Ways: []Way{way}, Seats: 24, Door: true}),
	}
}
