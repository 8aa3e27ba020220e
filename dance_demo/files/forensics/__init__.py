"""What a photo's file and pixels tell about its past: clues, not verdicts."""
