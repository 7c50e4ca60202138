package say

import "fmt"

// DoorSet says that the door of the class was closed or opened.
func DoorSet(closed bool) Sentence {
	if closed {
		return Did("door closed", Text("Whoever wants to join now knocks and waits, until you say so. Seats that are taken stay."))
	}
	return Did("door open", Text("Everybody on this network can join. Those who knocked come in by themselves."))
}

// LetIn says how many were let in. They come in as soon as their page asks again.
func LetIn(n int) Sentence {
	if n == 0 {
		return Note("let in", Text("Nobody waits under that nickname any more: the page was closed, or somebody came in meanwhile."))
	}
	return Did("let in", Text(fmt.Sprintf("%s. Each comes in when the page at the door asks again, within seconds.", counted(n, "person", "people"))))
}

// GaveBack says that a seat can be taken by a code, which stands after the sentence.
func GaveBack(nickname string) Sentence {
	return Did("give back", Text("whoever types this code at the address of the class, under I had a seat already, has the seat of "+nickname+". The seat moves to that browser, and its old pages open nothing. The code stands only here:"))
}

// SeatsRemoved says that seats were removed. nickname is that of a single one.
func SeatsRemoved(n int, nickname string) Sentence {
	if n == 1 {
		return Did("removed", Text(nickname+": the seat, its sessions and its progress are gone. Its open pages say so."))
	}
	return Did("removed", Text(fmt.Sprintf("%s of one device, with their sessions and their progress. Their open pages say so.", counted(n, "seat", "seats"))))
}

// AddressesAsked says that the program has fetched its own addresses.
func AddressesAsked(all, answered int) Sentence {
	return Did("looked", Text(fmt.Sprintf("%d of %s answered this machine.", answered, counted(all, "address", "addresses"))))
}

// Paused says that the class was paused, or goes on.
func Paused(paused bool) Sentence {
	if paused {
		return Did("paused", Text("The phones say eyes up. What a seat sends is refused until you press Resume; an open question keeps its answers, and its time runs on."))
	}
	return Did("resumed", Text("The class goes on: what the seats send is taken again."))
}
