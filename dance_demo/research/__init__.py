"""How the model that ships was made and measured. Never imported by the server."""
