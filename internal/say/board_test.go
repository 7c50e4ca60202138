package say

// onTheBoard is what a press on the board of a class says.
func onTheBoard() section {
	s := section{heading: "# Under the buttons: on the board of a class"}
	for _, said := range []Sentence{
		DoorSet(true), DoorSet(false), LetIn(0), LetIn(1), LetIn(2), GaveBack("Amber Fox"),
		SeatsRemoved(1, "Amber Fox"), SeatsRemoved(3, "Amber Fox"), AddressesAsked(1, 1), AddressesAsked(3, 2), Paused(true), Paused(false),
		QuestionOpened("Two tabs", false), QuestionOpened("Two tabs", true), QuestionClosed(), HandsCounted(1), HandsCounted(9), RevealBegun(), StageCleared(),
	} {
		s.lines = append(s.lines, spoken(said))
	}
	return s
}
