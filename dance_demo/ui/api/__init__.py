"""What programs call: endpoints, their description, and the tools of assistants."""
