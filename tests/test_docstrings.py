"""Docstrings: complete, true to the signatures, and equal between twins."""

import ast
import inspect
import re

import numpy as np
import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

from sklearn_dl.utils.discovery import all_estimators, public_modules

# https://numpydoc.readthedocs.io/en/latest/validation.html
IGNORED = {
    "ES01",  # an extended summary is for those who need one
    "GL01",  # the summary starts on the line of the quotes
    "GL02",
    "RT02",  # returned values have names
    "SA01",  # "See Also" where there is something to see
    "SA04",
}
# Methods are shown by the example of their class.
IGNORED_IN_METHODS = {*IGNORED, "EX01"}
# numpydoc takes a property for a function without a docstring of its own.
IGNORED_IN_PROPERTIES = {*IGNORED_IN_METHODS, "PR02", "GL08"}
# Parameters that mean something else in the twin: other losses, another score, a part
# that is stratified or not, what a network without a hidden layer is, and what a net
# of the user's own has to take.
TWINS_DIFFER = {
    "early_stopping",
    "hidden_layer_sizes",
    "loss",
    "net",
    "validation_fraction",
}


def public_objects():
    """Public classes and functions with their dotted names."""
    for module in public_modules():
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{module.__name__}.{name}", thing


def is_ours(function):
    return (getattr(function, "__module__", None) or "").startswith("sklearn_dl")


def public_methods():
    """Public methods and properties that are written here, each of them once."""
    seen = set()
    for path, thing in public_objects():
        if not inspect.isclass(thing):
            continue
        for name in dir(thing):
            member = getattr(thing, name)
            function = member.fget if isinstance(member, property) else member
            if name.startswith("_") or not callable(function) or not is_ours(function):
                continue
            if id(function) not in seen:
                seen.add(id(function))
                yield f"{path}.{name}", member


OBJECTS = dict(public_objects())
METHODS = dict(public_methods())


def errors(path, ignored):
    return [error for error in validate(path)["errors"] if error[0] not in ignored]


@pytest.mark.parametrize("path", OBJECTS)
def test_class_or_function_docstring(path):
    thing = OBJECTS[path]
    ignored = set(IGNORED)
    if inspect.isclass(thing) and not is_ours(thing.__init__):
        ignored.add("PR01")  # it takes what its base class from elsewhere takes
    if inspect.isclass(thing) and issubclass(thing, Exception):
        ignored.add("EX01")
    assert errors(path, ignored) == []


def overrides_a_public_method(path):
    owner, _, name = path.rpartition(".")
    classes = [base for base in OBJECTS[owner].__mro__ if name in vars(base)]
    return any(base in OBJECTS.values() for base in classes[1:])


@pytest.mark.parametrize("path", METHODS)
def test_method_docstring(path):
    is_property = isinstance(METHODS[path], property)
    ignored = IGNORED_IN_PROPERTIES if is_property else IGNORED_IN_METHODS
    if overrides_a_public_method(path):
        ignored = {*ignored, "PR01", "RT01"}
    assert errors(path, ignored) == []


def documented_parameters(thing):
    """Documented parameters by name, as (type, description)."""
    entries = NumpyDocString(inspect.getdoc(thing))["Parameters"]
    return {
        name.strip().lstrip("*"): (entry.type, " ".join(" ".join(entry.desc).split()))
        for entry in entries
        for name in entry.name.split(",")
    }


def says_default(text, default):
    """Whether the text behind `default=` stands for the default of the signature."""
    try:
        stated = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        # A name, such as np.inf or a function.
        name = getattr(default, "__name__", repr(default))
        return text.rpartition(".")[2].strip("`") == name.rpartition(".")[2]
    return type(stated) is type(default) and stated == default


def wrong_defaults(thing):
    documented = documented_parameters(thing)
    wrong = {}
    for name, parameter in inspect.signature(thing).parameters.items():
        text = documented.get(name, ("", ""))[0]
        stated = re.search(r"default=(.*)$", text)
        default = parameter.default
        if default is inspect.Parameter.empty:
            if stated:
                wrong[name] = f"documented as {text!r}, has no default"
        elif name in documented and not (stated and says_default(stated[1], default)):
            wrong[name] = f"documented as {text!r}, has the default {default!r}"
    return wrong


@pytest.mark.parametrize(
    "path",
    [
        path
        for path, thing in {**OBJECTS, **METHODS}.items()
        if not isinstance(thing, property)
        and is_ours(thing.__init__ if inspect.isclass(thing) else thing)
    ],
)
def test_documented_defaults_are_those_of_the_signature(path):
    assert wrong_defaults({**OBJECTS, **METHODS}[path]) == {}


def twins():
    estimators = dict(all_estimators())
    for name, cls in estimators.items():
        twin = estimators.get(name.replace("Classifier", "Regressor"))
        if name.endswith("Classifier") and twin is not None:
            yield pytest.param(cls, twin, id=name)


def shared_text(cls):
    """Documented parameters, without what is rightly not the same in a twin."""
    return {
        # Defaults are compared with the signature, and may differ.
        name: (
            text.partition(", default=")[0],
            re.sub("Classifier|Regressor", "", desc),
        )
        for name, (text, desc) in documented_parameters(cls).items()
        if name not in TWINS_DIFFER
    }


@pytest.mark.parametrize(("classifier", "regressor"), [*twins()])
def test_twins_say_the_same_of_the_same_parameters(classifier, regressor):
    one, other = shared_text(classifier), shared_text(regressor)
    shared = one.keys() & other.keys()
    assert shared
    assert {name for name in shared if one[name] != other[name]} == set()


def test_a_wrong_default_is_found():
    def function(right=1.0, wrong=2, named=np.inf, missing=None):
        """Do nothing.

        Parameters
        ----------
        right : float, default=1.0
            Right.
        wrong : int, default=2.0
            Wrong.
        named : float, default=np.inf
            Right.
        missing : int
            Wrong.
        """

    assert set(wrong_defaults(function)) == {"wrong", "missing"}
