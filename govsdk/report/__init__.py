"""Pictures for engineers: pure layout here, drawn by one adapter (``pillow``)."""
