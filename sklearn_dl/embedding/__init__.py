"""Words and documents as vectors."""

from sklearn_dl.embedding._debiased import DebiasedEmbedding
from sklearn_dl.embedding._display import EmbeddingDisplay
from sklearn_dl.embedding._phrase_detector import PhraseDetector
from sklearn_dl.embedding._word2vec import Word2Vec, skip_gram_pairs

__all__ = [
    "DebiasedEmbedding",
    "EmbeddingDisplay",
    "PhraseDetector",
    "Word2Vec",
    "skip_gram_pairs",
]
