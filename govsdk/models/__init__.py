"""The governed models: generator, recognisers, their digests and versions; drawing and scoring."""
