"""More than one photo: many photos, a clip, a camera."""
