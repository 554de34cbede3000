"""Texts as tokens, counts and tags."""

from sklearn_dl.text._byte_pair_tokenizer import BytePairTokenizer
from sklearn_dl.text._char_tokenizer import CharTokenizer
from sklearn_dl.text._count_vectorizer import CountVectorizer
from sklearn_dl.text._hmm_tagger import HMMTagger
from sklearn_dl.text._lemmatizer import Lemmatizer
from sklearn_dl.text._perceptron_tagger import PerceptronTagger
from sklearn_dl.text._porter_stemmer import PorterStemmer
from sklearn_dl.text._sequence_encoder import SequenceEncoder
from sklearn_dl.text._snowball_stemmer import SnowballStemmer
from sklearn_dl.text._stop_words import StopWordFilter
from sklearn_dl.text._tfidf_transformer import TfidfTransformer
from sklearn_dl.text._tfidf_vectorizer import TfidfVectorizer
from sklearn_dl.text._word_tokenizer import WordTokenizer

__all__ = [
    "BytePairTokenizer",
    "CharTokenizer",
    "CountVectorizer",
    "HMMTagger",
    "Lemmatizer",
    "PerceptronTagger",
    "PorterStemmer",
    "SequenceEncoder",
    "SnowballStemmer",
    "StopWordFilter",
    "TfidfTransformer",
    "TfidfVectorizer",
    "WordTokenizer",
]
