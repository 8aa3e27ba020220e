"""A class on one page: the invitation, the room's network, and the quiz."""
