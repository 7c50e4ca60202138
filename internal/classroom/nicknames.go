package classroom

import (
	_ "embed"
	"slices"
	"strings"
)

// The words of nicknames: one an adjective, one an animal. They were chosen by hand, for a
// class whose first language may be any:
//
//   - Adjectives tell a colour, the weather or the sky, a mood, or how somebody does
//     something. None tells of body, skin, mind, age, wealth, belief, party or gender.
//     Colours of skin, hair and flags of parties are left out, and colours that are mostly
//     first names.
//   - Animals are known as likeable. Left out are those whose name, or whose translation into
//     a widely spoken language, is said to people as an insult (owl in Hindi, turtle in
//     Chinese, deer in Portuguese, frog in English of the French), those that stand for being
//     fat, slow, ugly or greedy, those that are eaten first and admired second, apes and all
//     monkeys, and names with a rude word in them.
//   - A pair that reads as a brand, a person or a saying is in the third list, and is nobody's
//     nickname.
//   - Words are short, and easy to read out and to type.
var (
	//go:embed words/adjectives.txt
	adjectivesText string
	//go:embed words/animals.txt
	animalsText string
	//go:embed words/left-out.txt
	leftOutText string
)

// nicknames are all nicknames, like "Amber Fox".
var nicknames = pairs(strings.Fields(adjectivesText), strings.Fields(animalsText), strings.Fields(leftOutText))

// pairs returns every adjective with every animal, but for the names in leftOut.
func pairs(adjectives, animals, leftOut []string) []string {
	all := make([]string, 0, len(adjectives)*len(animals))
	for _, adjective := range adjectives {
		for _, animal := range animals {
			if !slices.Contains(leftOut, adjective+"-"+animal) {
				all = append(all, title(adjective)+" "+title(animal))
			}
		}
	}
	return all
}

// title returns a word with a capital first letter.
func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// nameOf returns a nickname, as it is given or as somebody types it, in the form that paths
// and cookies have: "amber-fox". What is far too long is "".
func nameOf(nickname string) string {
	if len(nickname) > 64 {
		return ""
	}
	words := strings.FieldsFunc(strings.ToLower(nickname), func(r rune) bool { return r == ' ' || r == '-' })
	return strings.Join(words, "-")
}
