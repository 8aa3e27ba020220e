"""What the page says of itself: where its address is shared, in its last tab, and to a class that joins."""
