package namekey

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhatSoundsAlikeHasOneKey(t *testing.T) {
	t.Parallel()
	for _, alike := range [][]string{
		{"dupont", "dupond", "dupon"}, {"lefevre", "lefebvre"}, {"thomas", "tomas"}, {"gautier", "gauthier", "gotier"}, {"renault", "renaud", "reno", "renaut"},
		{"philippe", "filippe", "philipe"}, {"mathieu", "matthieu"}, {"durand", "durant", "duran"}, {"thibault", "thibaut", "thibaud", "tibo"},
		{"martineau", "martinot", "martino"}, {"bernard", "bernar", "bernart"}, {"catherine", "katerine"}, {"rousseau", "rousso"},
	} {
		for _, w := range alike {
			require.Equal(t, sound(alike[0]), sound(w), "%s, %s", alike[0], w)
		}
	}
	for _, unlike := range [][2]string{{"martin", "martel"}, {"durand", "dupont"}, {"petit", "robert"}, {"anne", "jeanne"}} {
		require.NotEqual(t, sound(unlike[0]), sound(unlike[1]))
	}
}

func TestOneMistakeSharesAKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := []rune(rapid.StringMatching(`[a-z]{4,14}`).Draw(t, "word"))
		at := rapid.IntRange(0, min(len(w), 8)-2).Draw(t, "at")
		letter := rune(rapid.IntRange('a', 'z').Draw(t, "letter"))
		wrong := slices.Clone(w)
		switch rapid.IntRange(0, 3).Draw(t, "mistake") {
		case 0:
			wrong[at] = letter
		case 1:
			wrong = slices.Delete(wrong, at, at+1)
		case 2:
			wrong = slices.Insert(wrong, at, letter)
		default:
			wrong[at], wrong[at+1] = wrong[at+1], wrong[at]
		}
		theirs := Of(string(wrong))
		require.True(t, slices.ContainsFunc(Of(string(w)), func(k string) bool { return slices.Contains(theirs, k) }), "%s %s", string(w), string(wrong))
	})
}
