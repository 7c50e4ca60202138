package say

import "fmt"

// RehearsalBegun says that n of the program's own browsers are on their way.
func RehearsalBegun(n int) Sentence {
	return Did("rehearsal", Text(fmt.Sprintf("%s of this program take their seats within seconds. They press, and answer what you ask, as phones do.", counted(n, "small browser", "small browsers"))))
}

// RehearsalThere says that they are there already.
func RehearsalThere(n int) Sentence {
	return Note("rehearsal", Text(fmt.Sprintf("%s here already, or on the way. Let them leave, and others can come.", counted(n, "small browser of this program is", "small browsers of this program are"))))
}

// RehearsalLeft says that they have left the n seats that they had.
func RehearsalLeft(n int) Sentence {
	if n == 0 {
		return Note("rehearsal", Text("None of this program's own browsers had a seat. Those that were on their way do not come."))
	}
	return Did("rehearsal over", Text(fmt.Sprintf("The program's own browsers left: %s, with their sessions, their answers and their progress.", counted(n, "seat is gone", "seats are gone"))))
}

// RehearsalTrouble says that n of them have no seat, and why the first has none.
func RehearsalTrouble(n int, why string) string {
	return fmt.Sprintf("%s no seat: %s", counted(n, "of them has", "of them have"), Shown(why, 200))
}

// Rehearsing says in a count of seats, before what follows, that n of them are the program's own browsers';
// "" for none.
func Rehearsing(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s, ", counted(n, "of them rehearses", "of them rehearse"))
}

// RehearsedAnswers says after a count of answers, or of phones, that n of them are the program's own browsers'; "" for none.
func RehearsedAnswers(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s of the program's own browsers, in a rehearsal", counted(n, "of them is", "of them are"))
}
