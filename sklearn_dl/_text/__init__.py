"""What vectorisers and embeddings share: documents as sequences of words."""
