"""The same networks in Keras: built, exported to LiteRT, and read back."""
