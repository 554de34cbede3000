"""Words and documents as vectors."""

from sklearn_dl.embedding._cooccurrence_svd import CooccurrenceSVD
from sklearn_dl.embedding._debiased import DebiasedEmbedding
from sklearn_dl.embedding._display import EmbeddingDisplay
from sklearn_dl.embedding._glove import GloVe
from sklearn_dl.embedding._neural_language import NeuralLanguageEmbedding
from sklearn_dl.embedding._one_hot_words import OneHotWords
from sklearn_dl.embedding._phrase_detector import PhraseDetector
from sklearn_dl.embedding._word2vec import Word2Vec, skip_gram_pairs

__all__ = [
    "CooccurrenceSVD",
    "DebiasedEmbedding",
    "EmbeddingDisplay",
    "GloVe",
    "NeuralLanguageEmbedding",
    "OneHotWords",
    "PhraseDetector",
    "Word2Vec",
    "skip_gram_pairs",
]
