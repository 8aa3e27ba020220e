"""The part "Which features matter?" of the step "Compare": a picture, a table, and a photo through what is kept."""
