"""Two heads are held against each other only where both were judged."""

from dance_demo.training.same_photos import SamePhotos, corrections_sentence, on_same_photos

A, B, C, D = (("0" * 64, name) for name in "abcd")


def test_only_photos_that_judged_both_count_and_by_the_labels_of_now():
    before = {A: ("x", "x"), B: ("x", "y"), C: ("y", "y")}
    now = {B: ("y", "y"), C: ("y", "x"), D: ("x", "x")}  # the label of b was corrected
    assert on_same_photos(before, now) == SamePhotos(2, before=1.0, now=0.5)


def test_heads_that_no_photo_judged_both_are_not_compared():
    assert on_same_photos({A: ("x", "x")}, {B: ("x", "x")}) is None


def test_corrections_are_told_with_what_they_mean_for_the_number():
    assert corrections_sentence(1).startswith("1 correction was made by a person")
    assert "also among the photos that judge" in corrections_sentence(2)
