"""Documents as they come: checked, decoded, and a batch at a time."""

__all__ = ["batches_of_texts", "check_documents", "decoded_texts", "token_list"]

# Characters that are turned into arrays at once.
_BATCH = 1 << 25


def check_documents(documents, name):
    """Refuse what is no collection of documents.

    Parameters
    ----------
    documents : object
        What the user gave.
    name : str
        Class of the estimator.

    Returns
    -------
    documents : iterable
        The same.

    Raises
    ------
    ValueError
        If it is a single string, which would be a document for each letter.
    TypeError
        If it cannot be iterated over.
    """
    if isinstance(documents, (str, bytes)):
        raise ValueError(
            "Iterable over raw text documents expected, string object received. "
            f"For a single document, give {name} a list of one."
        )
    if not hasattr(documents, "__iter__"):
        raise TypeError(
            f"{name} takes an iterable of documents, got "
            f"{type(documents).__name__}: {documents!r}."
        )
    return documents


def batches_of_texts(documents, decode, preprocess, name):
    """Yield lists of texts of some million characters.

    Parameters
    ----------
    documents : iterable
        The documents.
    decode : callable
        Turns a document into a text; what is no text stays what it is.
    preprocess : callable
        Turns a text into another.
    name : str
        Class of the estimator, for messages.

    Yields
    ------
    texts : list of str
        At least one.

    Raises
    ------
    TypeError
        If a document does not become a text.
    """
    texts, size = [], 0
    for document in decoded_texts(documents, decode, name):
        text = preprocess(document)
        texts.append(text)
        size += len(text)
        if size >= _BATCH:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts


def decoded_texts(documents, decode, name):
    """Yield documents as texts.

    Parameters
    ----------
    documents : iterable
        The documents.
    decode : callable
        Turns a document into a text; what is no text stays what it is.
    name : str
        Class of the estimator, for messages.

    Yields
    ------
    text : str
        A document.

    Raises
    ------
    TypeError
        If a document does not become a text.
    """
    for position, document in enumerate(documents):
        text = decode(document)
        if not isinstance(text, str):
            hint = ""
            if isinstance(document, (list, tuple)):
                hint = " Lists of tokens are read with analyzer='identity'."
            raise TypeError(
                f"Document {position} given to {name} must be a string, got "
                f"{type(document).__name__}: {document!r}.{hint}"
            )
        yield text


def token_list(document, name):
    """Return the tokens of a document that is a list of them.

    Parameters
    ----------
    document : iterable of str
        The tokens.
    name : str
        Class of the estimator, for messages.

    Returns
    -------
    tokens : list of str
        The tokens.

    Raises
    ------
    TypeError
        If it is a text, or nothing that has tokens.
    """
    if isinstance(document, (str, bytes)) or not hasattr(document, "__iter__"):
        raise TypeError(
            f"With analyzer='identity' {name} takes documents that are lists of "
            f"tokens, got {type(document).__name__}: {document!r}."
        )
    tokens = list(document)
    for position, token in enumerate(tokens):
        if not isinstance(token, str):
            raise TypeError(
                f"With analyzer='identity' {name} takes tokens that are strings, token "
                f"{position} is {type(token).__name__}: {token!r}."
            )
    return tokens
