package say

import (
	"fmt"
	"strings"
)

// NowAsked says to who hears a phone's page what the class does together. state is that of views.Phone,
// title the experiment's.
func NowAsked(state, title string) string {
	switch state {
	case "task":
		return "The teacher gives you something to do."
	case "open":
		if !strings.HasSuffix(title, "?") {
			title += "."
		}
		return "The teacher asks: " + title
	case "closed":
		return "The question is closed."
	case "running":
		return "The experiment runs."
	}
	return "The teacher asks nothing now."
}

// Asks says the same on the strip of a seat, in a word or two; "" for nothing. It knows the states
// "paused" and "answered" too. calls tells whether something waits for the seat.
func Asks(state string) (words string, calls bool) {
	switch state {
	case "paused":
		return "eyes up", true
	case "task":
		return "do this", true
	case "open":
		return "the teacher asks", true
	}
	return state, state == "revealed" // or "answered", "closed", "running"
}

// PredictionIsIn says which prediction of the seat the class has.
func PredictionIsIn(prediction string) string { return "Your prediction is in: " + prediction + "." }

// NowRevealed says that a question is revealed, and what that makes of the seat's prediction.
func NowRevealed(judgement string) string { return "Revealed. " + judgement }

// Foretold judges the prediction of a seat by its number, 0 for none, against the number of the one that
// came true, 0 for none.
func Foretold(own, happened int, undecided bool) (text string, right bool) {
	switch {
	case undecided:
		return "The run decided nothing, so no prediction is right or wrong.", false
	case happened == 0:
		return "None of the predictions came true.", false
	case own == 0:
		return "You made no prediction.", false
	case own == happened:
		return "You foretold it.", true
	}
	return "You predicted another outcome.", false
}

// Hands says how many hands the teacher counted for a prediction.
func Hands(n int) string { return counted(n, "hand", "hands") }

// AnsweredOf says how many of a class answered, and how many hands were raised.
func AnsweredOf(answers, seats, hands int) string {
	text := fmt.Sprintf("%d of %s answered, no names.", answers, counted(seats, "seat", "seats"))
	if hands > 0 {
		text += " Apart from them " + counted(hands, "raised hand", "raised hands") + ", counted by the teacher."
	}
	return text
}
