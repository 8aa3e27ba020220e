"""Recordings become labelled pictures, which are trained on, judged and explained as photos are."""
