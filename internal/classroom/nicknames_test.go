package classroom

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forbidden are words that may not be in the lists: animals whose name insults somebody in a
// widely spoken language, and what tells of body, mind, skin, age, wealth, belief or party.
var forbidden = strings.Fields(`
	alpaca ape ass baboon badger bat bear beaver beluga bison boar booby buffalo bull bunny buzzard calf camel carp cat cheetah
	chicken chimp clam cobra cock cockatoo cockerel coot cow coyote crab crow cuckoo cur deer dingo dodo dog donkey dove drake duck
	eagle elephant ewe filly flea fly frog gazelle gibbon giraffe goat goose gorilla grub guanaco gull hamster hare hawk hen hippo
	hog hornet horse hound hyena jackal jackass jackdaw jaguar kid kitten ladybird lamb lemur lice lizard llama lobster loon louse
	maggot magpie manatee mink mole monkey moose moth mouse mule octopus orangutan ostrich owl ox oyster panther parrot peacock
	pecker pig pigeon poodle porcupine possum prawn puma puppy python rabbit raccoon ram rat raven rhino rook rooster seal shark
	sheep shrew shrimp skunk sloth slug snail snake sow spider squid stag starfish stoat swallow swine tapir thrush tick tit toad
	tortoise trout tuna turkey turtle viper vole vulture walrus wasp weasel whale wolf woodpecker worm yak zebra
	african asian american able adult aged ancient arab baby bald beefy big black blind blonde bloody brainy bright bronze brown
	brunette buff busty catholic cheap chubby clever conservative cosy crazy curly cute daft dark deaf dense dirty disabled drunk
	dull dumb dusky dwarf elderly ethnic fair fancy fat female fit foreign frail fresh funny gay giant ginger golden gorgeous gray
	green grey hairy handicapped handsome healthy heavy holy hot huge idle jewish juicy kinky lame large lazy lean left liberal
	light little long loose lusty mad male married mature mental moist muscular muslim naked nasty native naughty noble nude obese
	odd old olive orange pale pious pink plain plump poor posh pretty proud pure queer quirky radical red rich right rough royal
	rude sacred saintly savage sexy short sick silent silly silver simple skinny slim slow sly small smart smelly smooth soft sour
	spastic spicy stiff stout straight strange strong stupid tall tan tame tender thick thin tight tiny tough ugly vain warm weak
	wealthy weird wet white wide wild windy wise witty yellow young`)

// rude are letters that may not be in a word, nor in the two words of a nickname one after
// the other.
var rude = regexp.MustCompile(`anal|anus|arse|ass|balls|bitch|bone[dr]|boob|bum|butt|clit|cock|coon|crap|cum|cunt|damn|dick|dong|dyke|fag|fart|fuck|gay|hell|homo|hump|jew|jizz|kill|knob|lust|muff|nazi|nig|nude|paki|pee|penis|phuc|piss|poo|porn|prick|pube|puss|rape|scum|sex|shag|shit|slag|slut|spic|sperm|suck|tard|tit|turd|twat|wank|whore|willy`)

// wordFaults returns what is wrong with the lists of words.
func wordFaults(adjectives, animals, leftOut []string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	word := regexp.MustCompile(`^[a-z]{3,10}$`)
	for _, list := range [][]string{adjectives, animals} {
		for i, w := range list {
			switch {
			case !word.MatchString(w):
				fault("%q is no word of 3 to 10 letters a to z", w)
			case slices.Contains(list[:i], w):
				fault("%q is there twice", w)
			case slices.Contains(forbidden, w):
				fault("%q is forbidden", w)
			case rude.MatchString(w):
				fault("%q has rude letters", w)
			}
		}
	}
	for _, nickname := range pairs(adjectives, animals, leftOut) {
		name := nameOf(nickname)
		if len(nickname) > 20 {
			fault("%q is longer than 20 letters", nickname)
		}
		if rude.MatchString(strings.ReplaceAll(name, "-", "")) {
			fault("%q has rude letters", nickname)
		}
	}
	for _, name := range leftOut {
		adjective, animal, _ := strings.Cut(name, "-")
		if !slices.Contains(adjectives, adjective) || !slices.Contains(animals, animal) {
			fault("%q is left out, and would not be there", name)
		}
	}
	return faults
}

// If it fails, a student may get a nickname that embarrasses, cannot be typed, or is no path.
func TestWords(t *testing.T) {
	t.Parallel()
	adjectives, animals, leftOut := strings.Fields(adjectivesText), strings.Fields(animalsText), strings.Fields(leftOutText)
	for _, fault := range wordFaults(adjectives, animals, leftOut) {
		t.Error(fault)
	}
	// The most names that can be in use: seats, as many who wait, twice as many offers.
	if n := len(nicknames); n < 3000 || n*2 < 3*4*MaxSeats {
		t.Errorf("there are %d nicknames, too few for %d seats", n, MaxSeats)
	}
	if want := len(adjectives)*len(animals) - len(leftOut); len(nicknames) != want {
		t.Errorf("there are %d nicknames, want %d", len(nicknames), want)
	}
	for _, name := range leftOut {
		adjective, animal, _ := strings.Cut(name, "-")
		if nickname := title(adjective) + " " + title(animal); slices.Contains(nicknames, nickname) {
			t.Errorf("%q is a nickname", nickname)
		}
	}
}

// The control of TestWords: each planted word is found.
func TestWordsFindsFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, adjective, animal, leftOut string
		want                             string
	}{
		{"none", "calm", "fox", "", "[]"},
		{"a forbidden animal", "calm", "monkey", "", `["monkey" is forbidden]`},
		{"a forbidden adjective", "fat", "fox", "", `["fat" is forbidden]`},
		{"twice", "calm calm", "fox", "", `["calm" is there twice]`},
		{"a capital", "Calm", "fox", "", `["Calm" is no word of 3 to 10 letters a to z]`},
		{"too long", "turquoiser", "dragonflys", "", `["Turquoiser Dragonflys" is longer than 20 letters]`},
		{"rude", "classy", "fox", "", `["classy" has rude letters "Classy Fox" has rude letters]`},
		{"rude together", "magic", "umbrel", "", `["Magic Umbrel" has rude letters]`},
		{"nothing to leave out", "calm", "fox", "quick-fox", `["quick-fox" is left out, and would not be there]`},
	} {
		if got := fmt.Sprint(wordFaults(strings.Fields(test.adjective), strings.Fields(test.animal), strings.Fields(test.leftOut))); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"Amber Fox": "amber-fox", " amber  fox ": "amber-fox", "AMBER-FOX": "amber-fox", "amber - fox": "amber-fox",
		"": "", " - ": "", "<b>": "<b>", strings.Repeat("a", 65): "",
	} {
		if got := nameOf(typed); got != want {
			t.Errorf("nameOf(%q) = %q, want %q", typed, got, want)
		}
	}
}

// Codes and suffixes have the length and the letters that they promise, none twice in a row,
// and every letter comes about as often as every other.
func TestRandomLetters(t *testing.T) {
	t.Parallel()
	for _, alphabet := range []string{codeLetters, suffixLetters} {
		count := make(map[rune]int)
		for range 2000 {
			code := randomLetters(alphabet, 12)
			if len(code) != 12 {
				t.Fatalf("%q has %d letters", code, len(code))
			}
			for i, letter := range code {
				count[letter]++
				if !strings.ContainsRune(alphabet, letter) || i > 0 && code[i-1] == code[i] {
					t.Fatalf("%q has a wrong letter at %d", code, i)
				}
			}
		}
		mean := 2000 * 12 / len(alphabet)
		for _, letter := range alphabet { // 10 standard deviations of the rarer case
			if n := count[letter]; n < mean*2/3 || n > mean*4/3 {
				t.Errorf("%c came %d times, the mean is %d", letter, n, mean)
			}
		}
	}
}
